"""What executes a model, one file each."""
