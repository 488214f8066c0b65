"""SHOW: one file a format."""
