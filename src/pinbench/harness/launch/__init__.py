"""DO: the processes, their gate and their end."""
