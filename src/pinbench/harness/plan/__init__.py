"""HOW, pure: which instance gets which CPUs, memory and environment."""
