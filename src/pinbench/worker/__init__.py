"""The child's wing: one instance, or one data job, told by JSON what to do."""
