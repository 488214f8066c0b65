"""Compiled steps of the arrangement: columns into words, words grouped by bucket, a bucket sorted.

A record is a row on its way to another place: its 40 words as 20 of twice the width, which copy in half the time, and
its key.

B rows of a shard or bucket, K rows of a block, I integers, D entries of a dictionary, G buckets, C cells.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled

# `compiled` keeps compiled code until the function's own file changes: no constants of other files here.
RECORD_PAIRS = 21
_KEY = 20

Integers = npt.NDArray[np.int32]
Places = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.uint64]
_HALF_BITS = np.uint64(32)
_HALF = np.uint64(0xFFFFFFFF)


@compiled
def fill_known(words_KW: Integers, label_B: npt.NDArray[np.uint8], dense_IB: Integers, begin: int) -> None:
    """Set label and integers of the rows from `begin` on."""
    rows = len(words_KW)
    for row in range(rows):
        words_KW[row, 0] = label_B[begin + row]
    for column in range(len(dense_IB)):
        for row in range(rows):
            words_KW[row, 1 + column] = dense_IB[column, begin + row]


@compiled
def fill_ids(words_KW: Integers, column: int, local_B: npt.NDArray[Any], id_D: Integers, begin: int) -> None:
    """Set a column of ids of the rows from `begin` on."""
    for row in range(len(words_KW)):
        words_KW[row, column] = id_D[local_B[begin + row]]


@compiled
def group(key_B: Keys, begin_G: Places, place_B: Places) -> None:
    """Set where each bucket begins, and the place of each row when rows are grouped by bucket in their order."""
    buckets = np.uint64(len(begin_G) - 1)
    begin_G[:] = 0
    for row in range(len(key_B)):
        begin_G[(((key_B[row] >> _HALF_BITS) * buckets) >> _HALF_BITS) + np.uint64(1)] += 1
    for after in range(1, len(begin_G)):
        begin_G[after] += begin_G[after - 1]
    next_G = begin_G.copy()
    for row in range(len(key_B)):
        bucket = ((key_B[row] >> _HALF_BITS) * buckets) >> _HALF_BITS
        place_B[row] = next_G[bucket]
        next_G[bucket] += 1


@compiled
def put(pairs_KP: Pairs, key_B: Keys, place_B: Places, begin: int, record_BR: Pairs) -> None:
    """Put the rows from `begin` on to their places."""
    for row in range(len(pairs_KP)):
        place = np.int64(place_B[begin + row])
        for pair in range(_KEY):
            record_BR[place, pair] = pairs_KP[row, pair]
        record_BR[place, _KEY] = key_B[begin + row]


@compiled
def sort_bucket(record_BR: Pairs, buckets: int, key_B: Keys, row_B: Places, begin_C: Places) -> None:
    """Set the rows of one of `buckets` in the order of their keys.

    Keys are spread evenly over the range of a bucket, so with about as many cells as rows a row's cell is nearly its
    place; within a cell rows are inserted one by one.
    """
    parts, cells = np.uint64(buckets), np.uint64(len(begin_C) - 1)
    begin_C[:] = 0
    for row in range(len(record_BR)):
        cell = ((((record_BR[row, _KEY] >> _HALF_BITS) * parts) & _HALF) * cells) >> _HALF_BITS
        begin_C[cell + np.uint64(1)] += 1
    for after in range(1, len(begin_C)):
        begin_C[after] += begin_C[after - 1]
    for row in range(len(record_BR)):
        key = record_BR[row, _KEY]
        cell = ((((key >> _HALF_BITS) * parts) & _HALF) * cells) >> _HALF_BITS
        place = np.int64(begin_C[cell])
        begin_C[cell] += 1
        key_B[place] = key
        row_B[place] = row
    for sorted_rows in range(1, len(key_B)):
        key = key_B[sorted_rows]
        of_key = row_B[sorted_rows]
        before = sorted_rows - 1
        while before >= 0 and key_B[before] > key:
            key_B[before + 1] = key_B[before]
            row_B[before + 1] = row_B[before]
            before -= 1
        key_B[before + 1] = key
        row_B[before + 1] = of_key


@compiled
def take(record_BR: Pairs, row_K: Places, pairs_KP: Pairs) -> None:
    """Set the words of the rows `row_K` of a bucket."""
    for index in range(len(row_K)):
        row = np.int64(row_K[index])
        for pair in range(_KEY):
            pairs_KP[index, pair] = record_BR[row, pair]
