"""The GEMM rate that this process reaches on its cores: what compute utilisation is measured against."""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from pinbench.base.units import NS_PER_S
from pinbench.worker.onednn.packed_linear import PackedLinear
from pinbench.worker.onednn.quantized_linear import LARGEST_CODE, Quantization, QuantizedLinear, padded_inputs
from pinbench.worker.onednn.trained_linear import multiplies_bfloat16

# Large enough that packing and calling cost nothing, small enough for the L2 and L3 of the oldest platform.
_SIZE = 1024
_ROWS = 2048
PEAK_FLOP = 2 * _ROWS * _SIZE * _SIZE


def gemm_peak_flop_per_s(dtype: torch.dtype, duration_s: float = 0.5) -> float | None:
    """Return the best rate of a packed (2048 x 1024) x (1024 x 1024) product in `dtype` within `duration_s`.

    None where oneDNN has no such products on this CPU: what only imitates them has no peak in them.
    """
    if dtype is torch.bfloat16 and not multiplies_bfloat16():
        return None
    multiply = packed_peak_product(dtype)
    multiply()
    best_ns = None
    deadline_ns = time.monotonic_ns() + int(duration_s * NS_PER_S)
    while best_ns is None or time.monotonic_ns() < deadline_ns:
        begin_ns = time.monotonic_ns()
        multiply()
        taken_ns = time.monotonic_ns() - begin_ns
        best_ns = taken_ns if best_ns is None else min(best_ns, taken_ns)
    return PEAK_FLOP / (best_ns / NS_PER_S)


def packed_peak_product(dtype: torch.dtype) -> Callable[[], Tensor]:
    """Return a call of the product that the rate is of: `PEAK_FLOP` multiplications and additions."""
    linear, x_BI = packed_product(dtype, _ROWS, _SIZE, _SIZE)
    return partial(linear, x_BI)


def packed_product(dtype: torch.dtype, rows: int, inputs: int, outputs: int) -> tuple[nn.Module, Tensor]:
    """Return a packed linear layer in `dtype` and an input of `rows` for it."""
    if dtype is torch.int8:
        codes, padded = Quantization(scale=1 / LARGEST_CODE, zero=0), padded_inputs(inputs)
        x_BI = torch.randint(0, LARGEST_CODE + 1, (rows, padded), dtype=torch.uint8)
        return QuantizedLinear(nn.Linear(inputs, outputs), padded, codes, codes, "none"), x_BI
    return PackedLinear(nn.Linear(inputs, outputs, dtype=dtype), "none", rows), torch.rand(rows, inputs).to(dtype)
