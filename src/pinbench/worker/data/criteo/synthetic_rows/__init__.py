"""Raw rows of a Criteo click log, made up: what each column is like, and how rows are drawn from that."""
