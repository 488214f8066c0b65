"""KEEP: the log directory and the record."""
