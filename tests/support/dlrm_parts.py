"""Parts of models for the operators, their plain computation, and a library with the lanes of AVX-512 for any host."""

import os
import platform

import torch

from pinbench.base.cache import cache_folder
from pinbench.worker.ops.isa import Variant
from pinbench.worker.ops.library import provide
from pinbench.worker.ops.operators import Operators
from pinbench.worker.ops.parts import DlrmParts, Stack

# 16 lanes, 32 registers and products of bfloat16 pairs, in what this CPU has: all of the AVX-512 kernels but their
# instructions. A name each, as the tests' parameters.
_HERE = ("-mavx2", "-mfma") if platform.machine() == "x86_64" and torch.cpu._is_avx2_supported() else ()
WIDE = (
    Variant(name="wide", options=(*_HERE, "-DPINBENCH_LANES=16")),
    Variant(name="wide_pairs", options=(*_HERE, "-DPINBENCH_LANES=16", "-DPINBENCH_PAIRS=1")),
)
_NAMESPACE = "pinbench_wide"
_loaded: list[Operators] = []


def wide_operators(cpus: tuple[int, ...]) -> Operators:
    if not _loaded:
        library = provide(cache_folder(os.environ), WIDE, cpus, _NAMESPACE)
        torch.classes.load_library(str(library.path))
        _loaded.append(Operators(classes=getattr(torch.classes, _NAMESPACE), build_s=library.build_s))
    return _loaded[0]


def random_parts(
    *,
    tables: int,
    width: int,
    bottom: tuple[int, ...] = (13, 24),
    over: tuple[int, ...] = (40, 24),
    dtype: torch.dtype = torch.float32,
    rows: tuple[int, ...] | None = None,
    seed: int = 0,
) -> DlrmParts:
    """Return parts with values of order one; `bottom` and `over` leave out the widths that follow from the rest."""
    generator = torch.Generator().manual_seed(seed)
    table_rows = torch.tensor(rows or [1 + 7 * (table % 4) for table in range(tables)])
    features = width + tables * (tables + 1) // 2
    *_, last = (features, *over)
    return DlrmParts(
        tables_RD=torch.rand(int(table_rows.sum()), width, generator=generator).sub(0.5).to(dtype),
        first_row_F=table_rows.cumsum(0) - table_rows,
        rows_F=table_rows,
        bottom=_stack((*bottom, width), dtype, generator),
        over=_stack((features, *over), dtype, generator),
        head_weight_I=torch.rand(last, generator=generator) - 0.5,
        head_bias=0.25,
    )


def random_batch(parts: DlrmParts, samples: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Return dense features and ids; the first sample has all the first rows, the last one all the last rows."""
    generator = torch.Generator().manual_seed(seed)
    dense_BI = torch.rand(samples, parts.inputs, generator=generator)
    share_BF = torch.rand(samples, len(parts.rows_F), generator=generator, dtype=torch.float64)
    id_BF = (share_BF * parts.rows_F).long()
    id_BF[0] = 0
    id_BF[-1] = parts.rows_F - 1
    return dense_BI, id_BF


def random_bags(parts: DlrmParts, samples: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows and offsets of bags of 1 to 40 rows; among them are the first and the last row of each table."""
    generator = torch.Generator().manual_seed(seed)
    length_K = torch.randint(1, 41, (samples * len(parts.rows_F),), generator=generator)
    table_N = torch.repeat_interleave(length_K) % len(parts.rows_F)
    share_N = torch.rand(len(table_N), generator=generator, dtype=torch.float64)
    id_N = (share_N * parts.rows_F[table_N]).long()
    offset_K = torch.cat([torch.zeros(1, dtype=torch.int64), length_K.cumsum(0)])
    id_N[offset_K[:-1]] = 0
    id_N[offset_K[1:] - 1] = parts.rows_F.repeat(samples) - 1
    return parts.first_row_F[table_N] + id_N, offset_K


def summed_rows(parts: DlrmParts, row_N: torch.Tensor, offset_K: torch.Tensor) -> torch.Tensor:
    """Return the sum of each bag in float64, shape (B, F, D)."""
    sums = [parts.tables_RD[bag].double().sum(0) for bag in row_N.tensor_split(offset_K[1:-1])]
    return torch.stack(sums).view(-1, len(parts.rows_F), parts.tables_RD.shape[1])


def plain_features(parts: DlrmParts, dense_BD: torch.Tensor, id_BF: torch.Tensor) -> torch.Tensor:
    """Return [dense | dots] in float64, pair by pair."""
    return features_of(dense_BD, parts.tables_RD[id_BF + parts.first_row_F].double())


def features_of(dense_BD: torch.Tensor, rows_BFD: torch.Tensor) -> torch.Tensor:
    features = [dense_BD.double(), *rows_BFD.unbind(1)]
    dots = [(features[i] * features[j]).sum(1) for i in range(len(features)) for j in range(i)]
    return torch.cat([features[0], torch.stack(dots, dim=1)], dim=1)


def plain_logits(parts: DlrmParts, dense_BI: torch.Tensor, id_BF: torch.Tensor) -> torch.Tensor:
    """Return the logits in float64, layer by layer."""
    return plain_logits_of(parts, dense_BI, parts.tables_RD[id_BF + parts.first_row_F].double())


def plain_logits_of(parts: DlrmParts, dense_BI: torch.Tensor, rows_BFD: torch.Tensor) -> torch.Tensor:
    """Return the logits in float64 of what was looked up, layer by layer."""
    hidden = _plain_stack(parts.bottom, dense_BI.double())
    hidden = _plain_stack(parts.over, features_of(hidden, rows_BFD))
    return hidden @ parts.head_weight_I.double() + parts.head_bias


def _plain_stack(stack: Stack, hidden: torch.Tensor) -> torch.Tensor:
    for weight_OI, bias_O in zip(stack.weights, stack.biases, strict=True):
        hidden = (hidden @ weight_OI.double().T + bias_O.double()).relu()
    return hidden


def _stack(sizes: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> Stack:
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return Stack(
        weights=tuple((torch.randn(o, i, generator=generator) / i**0.5).to(dtype) for o, i in shapes),
        biases=tuple(torch.rand(o, generator=generator).to(dtype) for o, _ in shapes),
    )
