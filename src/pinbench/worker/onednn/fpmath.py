"""Whether oneDNN may multiply fp32 tensors in bfloat16 ("fpmath mode" in its developer guide): one switch a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_MATMUL: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined] # a property of a class that replaces the module


def multiply_in_bfloat16() -> None:
    """Let all fp32 products of oneDNN be of bfloat16 from here on, where the CPU has it."""
    _MATMUL.fp32_precision = "bf16"


def multiplies_in_bfloat16() -> bool:
    """Return whether fp32 products may be of bfloat16 now."""
    return bool(_MATMUL.fp32_precision == "bf16")


@contextmanager
def full_fp32() -> Iterator[None]:
    """Keep products in fp32 meanwhile, whatever was allowed."""
    allowed = _MATMUL.fp32_precision
    _MATMUL.fp32_precision = "ieee"
    try:
        yield
    finally:
        _MATMUL.fp32_precision = allowed
