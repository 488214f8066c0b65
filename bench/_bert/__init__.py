"""The sides of the comparison of BERT-Large: the suite's engines, others, and the matrix rate itself."""
