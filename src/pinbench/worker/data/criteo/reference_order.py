"""The order that facebookresearch/dlrm gives the rows of train, bit for bit.

Source: facebookresearch/dlrm at 090956e, data_utils.py:557-706, with numpy's RandomState(seed). Its first pass draws a
bucket for each row; there are as many buckets as days of train, each has room for as many rows as its day, and a full
one is drawn again. Draws for the last day, which is held out, are made but not used. Its second pass permutes the rows
within each bucket. As the room differs from day to day while the draws do not, this is no uniform shuffle.

Memory: a bucket's permutation twice, 8 bytes a row of the largest day. Places of all rows lie in a mapped file.

B rows of a day, N rows of all of train.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError, UsageError
from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.order import Keys

Counts = npt.NDArray[np.int64]

_SEEDS = 1 << 32  # RandomState takes no other
_DRAWS = 1 << 16
_BLOCK_ROWS = 1 << 20
_KEY_RANGE = (1 << 64) - 1


class ReferenceOrder:
    """The order of train, its places in a file."""

    def __init__(self, path: Path, day_rows: Sequence[int], seed: int):
        """Compute the places into `path`, unless it is there.

        `day_rows` are those of all days, the last of which is held out.

        Raises:
            UsageError: numpy's generator does not take `seed`.
            DataError: the disk is full.
        """
        if not 0 <= seed < _SEEDS:
            raise UsageError(f"--seed must be from 0 to {_SEEDS - 1} for the order of the reference, got {seed}")
        self._rows = sum(day_rows[:-1])
        self._dtype = np.dtype(np.uint32 if self._rows < _SEEDS else np.uint64)
        self._scale = np.uint64(_KEY_RANGE // max(1, self._rows))
        self._path = path
        if not path.exists():
            self._compute(day_rows, seed)

    def keys(self, begin: int, end: int) -> Keys:
        """Return the key of each row from `begin` to before `end`."""
        place_B = np.fromfile(self._path, self._dtype, end - begin, offset=begin * self._dtype.itemsize)
        return place_B.astype(np.uint64) * self._scale

    def _compute(self, day_rows: Sequence[int], seed: int) -> None:
        random = np.random.RandomState(seed)
        files = [self._path.with_suffix(f".{part}") for part in ("buckets", "turns", "places")]
        try:
            bucket_N, turn_N, place_N = (self._map(file) for file in files)
            _first_pass(random, day_rows, bucket_N)
            _second_pass(random, day_rows[:-1], turn_N)
            begin_D = np.concatenate([[0], np.cumsum(day_rows[:-1])]).astype(np.int64)
            _place(bucket_N, turn_N, begin_D, place_N)
            place_N.flush()
            os.replace(files[-1], self._path)
            for file in files[:-1]:
                file.unlink()
        except OSError as error:
            raise DataError(f"cannot write {self._path}: {error.strerror}") from error

    def _map(self, path: Path) -> np.memmap[tuple[int], np.dtype[Any]]:
        dtype = np.dtype(np.uint16) if path.suffix == ".buckets" else self._dtype
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self._rows * dtype.itemsize)
        return np.memmap(path, dtype, mode="r+")


class _Redraws:
    """Single draws, as the reference makes them, made in blocks; `end` takes back those that were not used.

    A generator of numpy makes the same numbers whether it is asked for them one by one or for many.
    """

    def __init__(self, random: np.random.RandomState, buckets: int):
        self._random = random
        self._buckets = buckets
        self.next()

    def next(self) -> None:
        """Make the next block."""
        self._state = self._random.get_state()
        self.draws = self._random.randint(0, self._buckets, _DRAWS)
        self.used = 0

    def end(self) -> None:
        """Put the generator where it would be had only the used draws been made."""
        self._random.set_state(self._state)
        self._random.randint(0, self._buckets, self.used)


def _first_pass(random: np.random.RandomState, day_rows: Sequence[int], bucket_N: npt.NDArray[Any]) -> None:
    room_D = np.array(day_rows[:-1], np.int64)
    begin = 0
    for rows in day_rows[:-1]:
        bucket_B = bucket_N[begin : begin + rows]
        _draw(random, len(room_D), bucket_B)
        redraws = _Redraws(random, len(room_D))
        done = 0
        while done < rows:
            done, redraws.used = _fit(bucket_B, done, room_D, redraws.draws, redraws.used)
            if done < rows:
                redraws.next()
        redraws.end()
        begin += rows
    _draw(random, len(room_D), np.empty(day_rows[-1], np.uint16))


def _draw(random: np.random.RandomState, buckets: int, bucket_B: npt.NDArray[Any]) -> None:
    for begin in range(0, len(bucket_B), _BLOCK_ROWS):
        block = bucket_B[begin : begin + _BLOCK_ROWS]
        block[:] = random.randint(0, buckets, len(block))


def _second_pass(random: np.random.RandomState, bucket_rows: Sequence[int], turn_N: npt.NDArray[Any]) -> None:
    """Find for each row of a bucket, in the order in which they came, where the permutation puts it."""
    begin = 0
    for rows in bucket_rows:
        order_B = np.arange(rows, dtype=turn_N.dtype)
        random.shuffle(order_B)  # what RandomState.permutation does to numbers of 8 bytes
        _invert(order_B, turn_N[begin : begin + rows])
        begin += rows


@compiled
def _fit(bucket_B: npt.NDArray[Any], begin: int, room_D: Counts, draws: Counts, used: int) -> tuple[int, int]:
    """Take the drawn bucket of each row, or draw again while it is full; stop when `draws` are used up."""
    for index in range(begin, len(bucket_B)):
        bucket = np.int64(bucket_B[index])
        while room_D[bucket] == 0:
            if used == len(draws):
                bucket_B[index] = bucket  # full still: it is drawn again when there are draws
                return index, used
            bucket = draws[used]
            used += 1
        room_D[bucket] -= 1
        bucket_B[index] = bucket
    return len(bucket_B), used


@compiled
def _invert(order_B: npt.NDArray[Any], turn_B: npt.NDArray[Any]) -> None:
    for index in range(len(order_B)):
        turn_B[order_B[index]] = index


@compiled
def _place(bucket_N: npt.NDArray[Any], turn_N: npt.NDArray[Any], begin_D: Counts, place_N: npt.NDArray[Any]) -> None:
    next_D = begin_D.copy()
    for row in range(len(bucket_N)):
        bucket = bucket_N[row]
        place_N[row] = begin_D[bucket] + turn_N[next_D[bucket]]
        next_D[bucket] += 1
