"""Ids of categories by first appearance: facebookresearch/dlrm, data_utils.py:1045-1046.

The table is open addressing with linear probing (Knuth, TAOCP 3, section 6.4), worked on by whole arrays: 8 bytes a
slot and at most half full, so 16 to 32 bytes a category where a dictionary takes about 100.
"""

import numpy as np
import numpy.typing as npt

_FIRST_BITS = 12
_FREE = -1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Fibonacci hashing, TAOCP 3, section 6.4
_WORD_BITS = 64


class Vocabulary:
    """The categories of one column, numbered 0, 1, ... as they first appear."""

    def __init__(self) -> None:
        self._size = 0
        self._make_table(_FIRST_BITS)

    def __len__(self) -> int:
        return self._size

    def encode(self, key_B: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        """Return the id of each key, shape (B,); keys not seen before get the next ids, in order."""
        keys, firsts, inverse_B = np.unique(key_B, return_index=True, return_inverse=True)
        ids = self._find(keys)
        new = np.flatnonzero(ids == _FREE)
        new = new[np.argsort(firsts[new])]
        ids[new] = np.arange(self._size, self._size + len(new), dtype=np.int32)
        self._size += len(new)
        self._grow()
        self._insert(keys[new], ids[new])
        return ids[inverse_B]

    def _make_table(self, bits: int) -> None:
        self._bits = bits
        self._shift = np.uint64(_WORD_BITS - bits)
        self._mask = (1 << bits) - 1
        self._keys = np.zeros(1 << bits, np.uint32)
        self._ids = np.full(1 << bits, _FREE, np.int32)

    def _slot(self, keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        return ((keys.astype(np.uint64) * _GOLDEN) >> self._shift).astype(np.int64)

    def _find(self, keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        found = np.full(len(keys), _FREE, np.int32)
        pending, slots = np.arange(len(keys)), self._slot(keys)
        while len(pending):
            stored = self._ids[slots]
            match = (self._keys[slots] == keys[pending]) & (stored != _FREE)
            found[pending[match]] = stored[match]
            go_on = ~match & (stored != _FREE)
            pending, slots = pending[go_on], (slots[go_on] + 1) & self._mask
        return found

    def _insert(self, keys: npt.NDArray[np.uint32], ids: npt.NDArray[np.int32]) -> None:
        """Add distinct keys that are not in the table."""
        pending, slots = np.arange(len(keys)), self._slot(keys)
        while len(pending):
            free = self._ids[slots] == _FREE
            self._ids[slots[free]] = ids[pending[free]]
            # Of several keys that want one free slot the last to write has it; the others go on.
            won = free & (self._ids[slots] == ids[pending])
            self._keys[slots[won]] = keys[pending[won]]
            pending, slots = pending[~won], (slots[~won] + 1) & self._mask

    def _grow(self) -> None:
        """Make room for `self._size` keys in a table that is at most half full."""
        bits = self._bits
        while 2 * self._size > 1 << bits:
            bits += 1
        if bits > self._bits:
            taken = self._ids != _FREE
            keys, ids = self._keys[taken], self._ids[taken]
            self._make_table(bits)
            self._insert(keys, ids)
