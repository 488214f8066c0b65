"""pinbench: pinned, multi-instance benchmarks of recommendation and language models."""

__version__ = "0.1.0"
