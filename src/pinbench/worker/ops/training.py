"""The operator that learns: what it changes in place, and how it is made.

R rows of all tables, D values each, F tables; O outputs, I inputs of a layer.
"""

import platform
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pinbench.worker.ops.operators import Operators
from pinbench.worker.ops.parts import Stack

# What a chunk's layers compute stays until the way back: some 17 KiB a sample in fp32 at MLPerf's sizes.
_CHUNK_ROWS = 1024
_CHUNK_ROWS_A_THREAD = 512
# From so many samples on, products gain more from packed weights than packing them twice a step costs.
_PACKED_ROWS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedParts:
    """All that a training changes. Everything is float32, but for split tables: the bfloat16 halves that are read."""

    tables_RD: Tensor
    first_row_F: Tensor
    rows_F: Tensor
    inputs: int  # dense features; the first weight may be wider
    bottom: Stack
    over: Stack  # without the last layer
    head_weight_I: Tensor
    head_bias: Tensor  # shape (1,)


def make_training(
    operators: Operators, parts: LearnedParts, isa: str, dtype: torch.dtype, batch_size: int, products: str
) -> Any:
    """Return an object that learns in place, with layers of `dtype`; see dlrm_training.h for its calls.

    `batch_size`: of the largest step that needs no new memory. `products`: as `choose_products` returns.
    """
    has_instructions = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return operators.classes.DlrmTraining(
        isa, parts.tables_RD, parts.first_row_F, parts.rows_F, parts.inputs,
        list(parts.bottom.weights), list(parts.bottom.biases), list(parts.over.weights), list(parts.over.biases),
        parts.head_weight_I, parts.head_bias, dtype == torch.bfloat16, has_instructions, products, batch_size,
        chunk_rows(batch_size),
    )  # fmt: skip


def chunk_rows(batch_size: int) -> int:
    """Return how many samples are worked through at a time."""
    return min(batch_size, max(_CHUNK_ROWS, _CHUNK_ROWS_A_THREAD * torch.get_num_threads()))


def choose_products(isa: str, batch_size: int, machine: str | None = None) -> str:
    """Return what multiplies on `machine` (``uname -m``; this one): ``plain``, ``packed`` or ``pytorch``.

    Never by a trial: two runs would differ in their bits. oneDNN's kernels for AVX2 and less gain nothing from packed
    weights; off x86-64 its products of weights as they lie are not its fast ones.
    """
    if (machine or platform.machine()) != "x86_64":
        return "pytorch"
    return "packed" if isa.startswith("avx512") and chunk_rows(batch_size) >= _PACKED_ROWS else "plain"
