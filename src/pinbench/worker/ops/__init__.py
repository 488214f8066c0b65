"""Operators of our own: their C++ sources, how they are built, and which instruction set of them runs."""
