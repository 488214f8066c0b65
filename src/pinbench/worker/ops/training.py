"""The operator that learns: what it changes in place, and how it is made.

R rows of all tables, D values each, F tables; O outputs, I inputs of a layer.
"""

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


def make_training(operators: Operators, parts: LearnedParts, isa: str, dtype: torch.dtype, batch_size: int) -> Any:
    """Return an object that learns in place, with layers of `dtype`; see dlrm_training.h for its calls.

    `batch_size`: of the largest step that needs no new memory.
    """
    has_instructions = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    chunk = chunk_rows(batch_size)
    return operators.classes.DlrmTraining(
        isa, parts.tables_RD, parts.first_row_F, parts.rows_F, parts.inputs,
        list(parts.bottom.weights), list(parts.bottom.biases), list(parts.over.weights), list(parts.over.biases),
        parts.head_weight_I, parts.head_bias, dtype == torch.bfloat16, has_instructions, packs(isa, chunk),
        batch_size, chunk,
    )  # fmt: skip


def chunk_rows(batch_size: int) -> int:
    """Return how many samples are worked through at a time."""
    return min(batch_size, max(_CHUNK_ROWS, _CHUNK_ROWS_A_THREAD * torch.get_num_threads()))


def packs(isa: str, chunk: int) -> bool:
    """Return whether weights are packed in each step: oneDNN's kernels for AVX2 and less gain nothing from it."""
    return isa.startswith("avx512") and chunk >= _PACKED_ROWS
