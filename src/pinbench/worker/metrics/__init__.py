"""What the outputs of labelled rows are worth: one quantity a file."""
