"""Rows drawn from the columns' laws, the same ones in whatever blocks and by however many threads.

Each field is a function of (seed, day, column, row): word number `row` of a SplitMix64 stream (Steele, Lea and Flood
2014) of its own, and a table of its column. A category is the hash of (rank, column) by the finaliser of MurmurHash3
(Appleby): a bijection of 32 bits, so no two ranks of a column share one, and frequent ones are no neighbours. A row's
label is 1 with the probability of the planted model, a sum of effects over the fields' ranges.

B rows, I integers, F categories, O columns (integers, then categories), R ranges of a law.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES
from pinbench.worker.data.criteo.splitmix64 import random_word
from pinbench.worker.data.criteo.synthetic_rows.alias import CELL_BITS, KEEP_BITS, Law

_LABEL_STREAM = DENSE_FEATURES + SPARSE_FEATURES
_STREAMS = 64  # of one day; more than are used
_MASK = (1 << 64) - 1

_S32 = np.uint64(32)
_CELL_SHIFT = np.uint64(64 - CELL_BITS)
_KEEP_MASK, _LOW_MASK = np.uint64((1 << KEEP_BITS) - 1), np.uint64(0xFFFFFFFF)
_FRACTION_SHIFT, _FRACTION = np.uint64(11), 2.0**-53  # the upper 53 bits as a number from [0, 1)

_HASH_A, _HASH_B, _HASH_STEP = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(0x9E3779B9)
_H13, _H16 = np.uint32(13), np.uint32(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that rows are made from."""

    seed: int
    laws: tuple[Law, ...]  # of the columns
    effect_OR: npt.NDArray[np.float64]  # on the log-odds of a click
    bias: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRows:
    """Rows as a parser of raw files gives them, and what their labels were drawn with."""

    label_B: npt.NDArray[np.uint8]
    dense_IB: npt.NDArray[np.int32]  # `form.MISSING` for an empty field
    hash_FB: npt.NDArray[np.uint32]  # 0 for an empty field
    missing_B: npt.NDArray[np.uint32]  # bit f: category f is empty
    click_B: npt.NDArray[np.float64]  # the probability of a click


def day_names(days: int) -> list[str]:
    """Return how the days are called, as the raw files are that they could have been."""
    return [f"day_{day}" for day in range(days)]


def draw_rows(recipe: Recipe, day: int, first_row: int, rows: int) -> DrawnRows:
    """Return the rows `first_row`, ... of `day`."""
    dense_IB = np.empty((DENSE_FEATURES, rows), np.int32)
    hash_FB = np.empty((SPARSE_FEATURES, rows), np.uint32)
    missing_B, label_B = np.zeros(rows, np.uint32), np.empty(rows, np.uint8)
    score_B = np.full(rows, recipe.bias)
    first = np.uint64(first_row)
    for column, law in enumerate(recipe.laws):
        key, effect_R = np.uint64(stream_key(recipe.seed, day, column)), recipe.effect_OR[column]
        table = (law.low_R, law.width_R, law.keep_R, law.other_R, effect_R)
        if column < DENSE_FEATURES:
            _draw_integers(key, first, *table, dense_IB[column], score_B)
        else:
            index = column - DENSE_FEATURES
            _draw_categories(key, first, *table, np.uint32(index), hash_FB[index], missing_B, score_B)
    _draw_labels(np.uint64(stream_key(recipe.seed, day, _LABEL_STREAM)), first, score_B, label_B)
    return DrawnRows(label_B=label_B, dense_IB=dense_IB, hash_FB=hash_FB, missing_B=missing_B, click_B=score_B)


def stream_key(seed: int, day: int, stream: int) -> int:
    """Return where the words of one `stream` of one `day` begin."""
    return mixed(mixed(seed & _MASK) + day * _STREAMS + stream)


def mixed(word: int) -> int:
    """Return SplitMix64's output for the state `word`: 64 bits that look random."""
    return int(random_word(np.uint64(word & _MASK), np.uint64(0)))


@compiled
def _cell(word: np.uint64, keep_R: npt.NDArray[np.uint64], other_R: npt.NDArray[np.uint64]) -> np.uint64:
    cell = word >> _CELL_SHIFT
    return cell if ((word >> _S32) & _KEEP_MASK) < keep_R[cell] else other_R[cell]


@compiled
def _draw_integers(
    key: np.uint64,
    first: np.uint64,
    low_R: npt.NDArray[np.int64],
    width_R: npt.NDArray[np.uint64],
    keep_R: npt.NDArray[np.uint64],
    other_R: npt.NDArray[np.uint64],
    effect_R: npt.NDArray[np.float64],
    value_B: npt.NDArray[np.int32],
    score_B: npt.NDArray[np.float64],
) -> None:
    for row in range(len(value_B)):
        word = random_word(key, first + np.uint64(row))
        cell = _cell(word, keep_R, other_R)
        value_B[row] = low_R[cell] + np.int64(((word & _LOW_MASK) * width_R[cell]) >> _S32)
        score_B[row] += effect_R[cell]


@compiled
def _draw_categories(
    key: np.uint64,
    first: np.uint64,
    low_R: npt.NDArray[np.int64],
    width_R: npt.NDArray[np.uint64],
    keep_R: npt.NDArray[np.uint64],
    other_R: npt.NDArray[np.uint64],
    effect_R: npt.NDArray[np.float64],
    index: np.uint32,
    hash_B: npt.NDArray[np.uint32],
    missing_B: npt.NDArray[np.uint32],
    score_B: npt.NDArray[np.float64],
) -> None:
    for row in range(len(hash_B)):
        word = random_word(key, first + np.uint64(row))
        cell = _cell(word, keep_R, other_R)
        rank = low_R[cell] + np.int64(((word & _LOW_MASK) * width_R[cell]) >> _S32)
        if rank < 0:
            hash_B[row] = 0
            missing_B[row] |= np.uint32(1) << index
        else:
            hash_B[row] = category_hash(np.uint32(rank), index)
        score_B[row] += effect_R[cell]


@compiled
def category_hash(rank: np.uint32, index: np.uint32) -> np.uint32:
    """Return the hash of the value `rank` of the category column `index`."""
    mix = np.uint32(rank + np.uint32((index + np.uint32(1)) * _HASH_STEP))
    mix = np.uint32((mix ^ (mix >> _H16)) * _HASH_A)
    mix = np.uint32((mix ^ (mix >> _H13)) * _HASH_B)
    return np.uint32(mix ^ (mix >> _H16))


@compiled
def _draw_labels(
    key: np.uint64, first: np.uint64, score_B: npt.NDArray[np.float64], label_B: npt.NDArray[np.uint8]
) -> None:
    """Turn the scores into probabilities, in place, and draw with them."""
    for row in range(len(label_B)):
        click = 1.0 / (1.0 + np.exp(-score_B[row]))
        score_B[row] = click
        fraction = np.float64(random_word(key, first + np.uint64(row)) >> _FRACTION_SHIFT) * _FRACTION
        label_B[row] = 1 if fraction < click else 0
