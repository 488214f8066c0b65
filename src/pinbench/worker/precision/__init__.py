"""Number formats, one file each."""
