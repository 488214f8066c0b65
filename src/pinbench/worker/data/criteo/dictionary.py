"""The different values of one column of a shard, found by a hash table: local ids by first appearance, and counts.

B rows of the shard, D entries of the dictionary.
"""

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.shard import Dictionary, LocalIds, narrow

Keys = npt.NDArray[np.uint32]
Slots = npt.NDArray[np.uint64]

_FIRST_SLOTS = 1 << 10  # most columns have few values: their slots stay in the nearest cache
_GROWTH = 8
_KEY_SHIFT = np.uint64(32)
_ENTRY_MASK = np.uint64(0xFFFFFFFF)
_FREE = np.uint64(0)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: neighbours fall far apart (Knuth, TAOCP 3, 6.4)
_WORD_BITS = 64


class Numbering:
    """Numbers the values of a column after the other; keeps its memory from one to the next."""

    def __init__(self) -> None:
        self._slots: list[Slots] = []
        self._scratch_WB = np.empty((3, 0), np.uint32)  # local ids, keys, counts

    def number(self, hash_B: Keys, missing_B: Keys, feature: int) -> tuple[LocalIds, Dictionary]:
        """Return the local ids of the column `feature`, and its dictionary.

        A field is missing where bit `feature` of `missing_B` is set.
        """
        rows = len(hash_B)
        if rows > self._scratch_WB.shape[1]:
            self._scratch_WB = np.empty((3, rows), np.uint32)
        local_B, key_D, count_D = self._scratch_WB[:, :rows]
        missing, entries, row, size = -1, 0, 0, 0
        slots = self._cleared(size)
        while True:
            row, entries, missing = _number(
                hash_B, missing_B, np.uint32(1 << feature), local_B, key_D, count_D, slots, row, entries, missing
            )
            if row == rows:
                break
            size += 1
            slots = self._cleared(size)
            _enter(key_D, entries, missing, slots)
        return narrow(local_B, entries), Dictionary(
            key_D=key_D[:entries].copy(), count_D=count_D[:entries].copy(), missing=None if missing < 0 else missing
        )

    def _cleared(self, size: int) -> Slots:
        if size == len(self._slots):
            self._slots.append(np.zeros(_FIRST_SLOTS * _GROWTH**size, np.uint64))
        else:
            self._slots[size].fill(0)
        return self._slots[size]


@compiled
def _shift(slots: Slots) -> np.uint64:
    """By how many bits a spread key is shifted to be the number of a slot."""
    bits = _WORD_BITS
    size = len(slots)
    while size > 1:
        size >>= 1
        bits -= 1
    return np.uint64(bits)


@compiled
def _number(
    hash_B: Keys,
    missing_B: Keys,
    missing_bit: np.uint32,
    local_B: Keys,
    key_D: Keys,
    count_D: Keys,
    slots: Slots,
    row: int,
    entries: int,
    missing: int,
) -> tuple[int, int, int]:
    """Number the rows from `row` on, until the slots are half full; return row, entries and missing as they are then.

    A slot holds a key in its upper half, and its entry + 1 in its lower.
    """
    shift, last = _shift(slots), np.int64(len(slots) - 1)
    most = len(slots) // 2
    while row < len(hash_B) and entries < most:
        if missing_B[row] & missing_bit:
            entry = missing
            if missing < 0:
                entry = missing = entries
                key_D[entry], count_D[entry] = 0, 0
                entries += 1
        else:
            key = np.uint64(hash_B[row])
            slot = np.int64((key * _SPREAD) >> shift)
            found = slots[slot]
            while found >> _KEY_SHIFT != key or found == _FREE:
                if found == _FREE:
                    key_D[entries], count_D[entries] = hash_B[row], 0
                    entries += 1
                    found = (key << _KEY_SHIFT) | np.uint64(entries)
                    slots[slot] = found
                else:
                    slot = (slot + 1) & last
                    found = slots[slot]
            entry = np.int64(found & _ENTRY_MASK) - 1  # type: ignore[assignment]
        local_B[row] = entry
        count_D[entry] += np.uint32(1)
        row += 1
    return row, entries, missing


@compiled
def _enter(key_D: Keys, entries: int, missing: int, slots: Slots) -> None:
    """Put the first `entries` of `key_D` into empty slots."""
    shift, last = _shift(slots), np.int64(len(slots) - 1)
    for entry in range(entries):
        if entry != missing:
            key = np.uint64(key_D[entry])
            slot = np.int64((key * _SPREAD) >> shift)
            while slots[slot] != _FREE:
                slot = (slot + 1) & last
            slots[slot] = (key << _KEY_SHIFT) | np.uint64(entry + 1)
