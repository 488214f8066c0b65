"""What trains DLRM-DCNv2 by Adagrad, one file for each engine; what an engine is, `training/dlrm` says.

Its order has `accumulated`: what Adagrad has added up so far, which an engine goes on with and writes to.
"""
