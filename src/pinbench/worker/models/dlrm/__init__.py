"""DLRM (Naumov et al., arXiv:1906.00091), one class a box of the paper's diagram."""
