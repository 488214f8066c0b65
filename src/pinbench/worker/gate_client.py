"""The child's end of the gate."""
