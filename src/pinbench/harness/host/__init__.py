"""WHERE: what the kernel says of processors, memory and settings."""
