"""Container images: which there are, in what order they are built, what goes into them, and by which commands."""
