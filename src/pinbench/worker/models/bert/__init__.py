"""BERT for extractive question answering (Devlin et al., arXiv:1810.04805): one file a box."""
