"""Weights as facebookresearch/dlrm draws them after ``numpy.random.seed``: one stream for the whole model, bit by bit.

The order is tables, bottom stack, top stack (dlrm_s_pytorch.py: create_emb, create_mlp). Tables are uniform in
+-sqrt(1 / rows), linear weights normal with deviation sqrt(2 / (in + out)), biases normal with sqrt(1 / out), all drawn
in float64 and rounded to float32. 64 million numbers a table take seconds, so the stream is entered by jumps at the
begin and in the middle of each table, and these halves are drawn at the same time.

R rows of all tables, D embedding width.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.mersenne import State, advanced, generator, seeded
from pinbench.worker.models.dlrm.rows import BLOCK_ROWS, Rows, bfloat16_bits

_WORDS_A_NUMBER = 2  # 53 bits of two words make a float64
_PIECES = 2  # of a table; each further jump costs some 15 ms, and 16 pieces keep 16 cores busy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Rows of one table that follow each other, and where the stream stands at the first of them."""

    table: int
    begin: int
    end: int
    state: State


class NumpyOrigin:
    """Where all weights come from that the reference draws for `seed`; a `WeightOrigin`."""

    def __init__(self, config: DlrmConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self.name = self.identity = f"numpy.random.seed({seed})"
        self._stations = cache(self._enter)  # when they are first needed

    def fill(self, tables_RD: Rows | npt.NDArray[np.uint16], pool: ThreadPoolExecutor) -> None:
        """Write all tables behind each other: float32, or uint16 for the bits of bfloat16."""
        first_rows = [0, *np.cumsum(self._config.table_rows).tolist()]

        def fill(piece: _Piece) -> None:
            begin = first_rows[piece.table] + piece.begin
            for rows in self._blocks(piece):
                target = tables_RD[begin : begin + len(rows)]
                target[:] = rows if tables_RD.dtype == np.float32 else bfloat16_bits(rows.astype(np.float32))
                begin += len(rows)

        pieces, _ = self._stations()
        for _ in pool.map(fill, pieces):
            pass

    def rows(self, table: int, begin: int, end: int) -> Rows:
        """Return rows `begin` to `end` of a table, shape (end - begin, D); quick near a piece's first row."""
        parts: list[Rows] = []
        for piece in self._stations()[0]:
            if piece.table == table and piece.begin < end and begin < piece.end:
                first = max(begin, piece.begin)
                words = (first - piece.begin) * self._config.embedding_dim * _WORDS_A_NUMBER
                state = advanced(piece.state, words)
                part = _Piece(table=table, begin=first, end=min(end, piece.end), state=state)
                parts += [rows.astype(np.float32) for rows in self._blocks(part)]
        return np.concatenate(parts)

    def forget(self, table: int) -> None:
        """Do nothing: rows are drawn, not kept."""

    def pieces(self) -> Iterator[tuple[int, int, int]]:
        """Yield table, first and last row (excluded) of each part whose first rows are quick to draw."""
        for piece in self._stations()[0]:
            yield piece.table, piece.begin, piece.end

    def stacks(self) -> dict[str, Tensor]:
        """Return weights and biases by the reference's names."""
        _, behind_tables = self._stations()
        random = generator(behind_tables)
        weights: dict[str, Tensor] = {}
        for stack, sizes in (("bot_l", self._config.bottom), ("top_l", self._config.over)):
            for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
                weight = random.normal(0.0, np.sqrt(2 / (inputs + outputs)), size=(outputs, inputs))
                bias = random.normal(0.0, np.sqrt(1 / outputs), size=outputs)
                weights[f"{stack}.{2 * layer}.weight"] = torch.from_numpy(weight.astype(np.float32))
                weights[f"{stack}.{2 * layer}.bias"] = torch.from_numpy(bias.astype(np.float32))
        return weights

    def _enter(self) -> tuple[tuple[_Piece, ...], State]:
        """Return the pieces of all tables, in the stream's order, and the state behind the last one."""
        state, pieces = seeded(self._seed), []
        for table, rows in enumerate(self._config.table_rows):
            for begin, end in pairwise(rows * part // _PIECES for part in range(_PIECES + 1)):
                pieces.append(_Piece(table=table, begin=begin, end=end, state=state))
                state = advanced(state, (end - begin) * self._config.embedding_dim * _WORDS_A_NUMBER)
        return tuple(pieces), state

    def _blocks(self, piece: _Piece) -> Iterator[npt.NDArray[np.float64]]:
        """Yield the rows of a piece, block by block, in memory that the next block overwrites."""
        # The generator of today draws the same numbers of the same bits as the classic one, and into given memory.
        random = np.random.Generator(generator(piece.state)._bit_generator)
        bound = np.sqrt(1 / self._config.table_rows[piece.table])
        block = np.empty((min(BLOCK_ROWS, piece.end - piece.begin), self._config.embedding_dim))
        for begin in range(piece.begin, piece.end, BLOCK_ROWS):
            rows = block[: min(BLOCK_ROWS, piece.end - begin)]
            random.random(out=rows)
            rows *= bound - -bound
            rows += -bound
            yield rows
