"""Criteo click logs: raw TSV, the MLPerf binary, synthetic rows of the same shape."""
