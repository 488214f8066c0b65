"""The weight store: one contiguous block of memory for all tables, private or shared."""
