"""What the comparisons of DLRM share: the reference's algorithm, a model of MLPerf's sizes, and one side of a race."""
