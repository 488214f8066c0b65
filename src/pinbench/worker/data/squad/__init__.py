"""SQuAD 1.1 (Rajpurkar et al., arXiv:1606.05250): questions whose answers are parts of a paragraph."""
