"""Where the weights of a model come from: the embedding rows, table by table, and the two stacks."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction

Rows = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
# Writes rows of a table, from the one with a number on: float32, or uint16 for the bits of bfloat16.
Write = Callable[[int, int, npt.NDArray[np.float32] | npt.NDArray[np.uint16]], None]

# Rows made or copied at a time: 512 KiB at D = 128, which stays in a core's L2 cache.
BLOCK_ROWS = 1024


class WeightOrigin(Protocol):
    """A source of fp32 weights that can give any row without holding all of them."""

    name: str  # for the record: "seed 0" or a path
    identity: str  # tells its weights from those of another, for what is kept between runs

    def rows(self, table: int, begin: int, end: int) -> Rows:
        """Return rows `begin` to `end` of a table, shape (end - begin, D)."""

    def forget(self, table: int) -> None:
        """Give back what memory `rows` of a table has taken; it may be asked for again."""

    def stacks(self) -> dict[str, Tensor]:
        """Return weights and biases by the reference's names: ``bot_l.0.weight``, ``top_l.2.bias``, ..."""


class SeededOrigin:
    """Weights drawn as the reference draws them, from a seed; every row can be drawn again by itself.

    Tables are uniform in +-sqrt(1 / rows), linear weights normal with deviation sqrt(2 / (in + out)), biases
    normal with sqrt(1 / out) (dlrm_s_pytorch.py, create_emb and create_mlp). Of a model with a cross network, whose
    reference is torchrec's, linear weights and biases are uniform in +-sqrt(1 / in), as nn.Linear's own. The order of
    draws is ours: one stream a table, and a jump to any row, where the reference has one stream for the whole model.
    """

    def __init__(self, config: DlrmConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self.name = self.identity = f"seed {seed}"

    @property
    def width(self) -> int:
        """The numbers of a row."""
        return self._config.embedding_dim

    def stream(self, table: int) -> np.random.PCG64DXSM:
        """Return the generator of a table, at its first row; each draw gives two numbers."""
        return np.random.PCG64DXSM(np.random.SeedSequence([self._seed, table]))

    def bound(self, table: int) -> np.float32:
        """Return what no number of a table exceeds."""
        return np.float32(self._config.table_rows[table] ** -0.5)

    def rows(self, table: int, begin: int, end: int) -> Rows:
        """Return rows `begin` to `end` of a table, shape (end - begin, D)."""
        width = self._config.embedding_dim + self._config.embedding_dim % 2
        bits = self.stream(table)
        bits.advance(begin * width // 2)  # each 64-bit draw gives two floats
        rows = np.random.Generator(bits).random((end - begin, width), dtype=np.float32)
        bound = self.bound(table)
        rows *= 2 * bound
        rows -= bound
        return rows[:, : self._config.embedding_dim]

    def forget(self, table: int) -> None:
        """Do nothing: rows are drawn, not kept."""

    def stacks(self) -> dict[str, Tensor]:
        """Return weights and biases by the reference's names."""
        random = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence([self._seed, 1 << 32])))
        weights: dict[str, Tensor] = {}
        for stack, sizes in (("bot_l", self._config.bottom), ("top_l", self._config.over)):
            for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
                weight, bias = self._linear(random, inputs, outputs)
                weights[f"{stack}.{2 * layer}.weight"] = torch.from_numpy(weight.astype(np.float32))
                weights[f"{stack}.{2 * layer}.bias"] = torch.from_numpy(bias.astype(np.float32))
        return weights | self._cross(random)

    def _linear(self, random: np.random.Generator, inputs: int, outputs: int) -> tuple[Numbers, Numbers]:
        if self._config.interaction is Interaction.DCN:
            bound = inputs**-0.5
            return random.uniform(-bound, bound, (outputs, inputs)), random.uniform(-bound, bound, outputs)
        weight = random.normal(0.0, (2 / (inputs + outputs)) ** 0.5, (outputs, inputs))
        return weight, random.normal(0.0, (1 / outputs) ** 0.5, outputs)

    def _cross(self, random: np.random.Generator) -> dict[str, Tensor]:
        """Return what torchrec's LowRankCrossNet begins with: matrices by Glorot's normal law, biases of 0."""
        width, rank = self._config.features_width, self._config.cross_rank
        deviation = (2 / (width + rank)) ** 0.5
        weights: dict[str, Tensor] = {}
        for layer in range(self._config.cross_layers):
            for name, shape in (("w", (width, rank)), ("v", (rank, width))):
                weight = random.standard_normal(shape, np.float32) * np.float32(deviation)
                weights[f"cross_l.{layer}.{name}"] = torch.from_numpy(weight)
            weights[f"cross_l.{layer}.bias"] = torch.zeros(width)
        return weights


def gather_rows(origin: WeightOrigin, sparse_BC: Tensor, id_tables: Sequence[int] | None = None) -> Tensor:
    """Return the fp32 rows of `sparse_BC` straight from their origin, shape (B, C, D).

    `id_tables` names the table of each of the C ids of a sample; None: one id in each table.
    """
    tables = range(sparse_BC.shape[1]) if id_tables is None else id_tables
    rows = [_gather(origin, table, ids_B.numpy()) for table, ids_B in zip(tables, sparse_BC.unbind(1), strict=True)]
    return torch.stack(rows, dim=1)


def pooled(config: DlrmConfig, rows_BCD: Tensor) -> Tensor:
    """Return the sum of the rows of each table that a sample has ids in, shape (B, F, D)."""
    if not config.hots:
        return rows_BCD
    return torch.stack([rows.sum(dim=1) for rows in torch.split(rows_BCD, list(config.hots), dim=1)], dim=1)


def pooled_rows(config: DlrmConfig, origin: WeightOrigin, sparse_BC: Tensor) -> Tensor:
    """Return the same straight from their origin, in little memory, shape (B, F, D)."""
    hots = list(config.hots or (1,) * config.num_tables)
    sums = []
    for table, ids_BH in enumerate(torch.split(sparse_BC, hots, dim=1)):
        unique_U, place_BH = np.unique(ids_BH.numpy(), return_inverse=True)
        rows_UD = torch.from_numpy(np.concatenate([origin.rows(table, row, row + 1) for row in unique_U.tolist()]))
        # A bag at a time: all rows of a hundred ids at once would take a hundred times the memory.
        sums.append(functional.embedding_bag(torch.from_numpy(place_BH).view(ids_BH.shape), rows_UD, mode="sum"))
    return torch.stack(sums, dim=1)


def _gather(origin: WeightOrigin, table: int, ids_B: npt.NDArray[np.int64]) -> Tensor:
    """Return the row of each id of one table, shape (B, D); U: different ids, of which most samples share few."""
    unique_U, place_B = np.unique(ids_B, return_inverse=True)
    rows_UD = np.concatenate([origin.rows(table, row, row + 1) for row in unique_U.tolist()])
    return torch.from_numpy(rows_UD[place_B])


def fill_tables(
    tables_RD: npt.NDArray[np.float32] | npt.NDArray[np.uint16],
    origin: WeightOrigin,
    table_rows: Sequence[int],
    pool: ThreadPoolExecutor,
    quick: Write | None = None,
) -> None:
    """Write all tables behind each other into `tables_RD`: float32, or uint16 for the bits of bfloat16.

    One table after the other, so that besides them no more than one is in memory at a time. `quick` writes the same
    rows faster than `origin` gives them.
    """

    def ask(table: int, begin: int, target_RD: npt.NDArray[np.float32] | npt.NDArray[np.uint16]) -> None:
        rows = origin.rows(table, begin, begin + len(target_RD))
        target_RD[:] = rows if target_RD.dtype == np.float32 else bfloat16_bits(rows)

    fill = quick or ask

    first_row = 0
    for table, rows in enumerate(table_rows):
        target_RD = tables_RD[first_row : first_row + rows]
        begins = range(0, rows, BLOCK_ROWS)
        blocks = (target_RD[begin : begin + BLOCK_ROWS] for begin in begins)
        for _ in pool.map(partial(fill, table), begins, blocks):
            pass
        origin.forget(table)
        first_row += rows


def bfloat16_bits(values: Rows) -> npt.NDArray[np.uint16]:
    """Return `values` rounded to bfloat16 (to nearest, ties to even), as their 16 bits; finite values only.

    In numpy because it runs in threads of our own, where PyTorch would start its own threads below each.
    """
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounding = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return ((bits + rounding) >> np.uint32(16)).astype(np.uint16)
