"""The categories of one column, numbered: the ids that a rule gives, from the dictionaries of shards in turn.

The table is open addressing with linear probing (Knuth, TAOCP 3, section 6.4): a slot of eight bytes holds a key and
its number, and between 3 and 6 of 10 slots are taken, so a category takes 14 to 27 bytes where a dictionary of Python
takes about 100. While it doubles, the old table is there as well.

D entries of a shard's dictionary, U different keys, S slots.
"""

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.form import ByCount, FirstSeen, IdRule
from pinbench.worker.data.criteo.schema import HASH_VALUES
from pinbench.worker.data.criteo.shard import Dictionary

BYTES_PER_KEY = 27  # at most, when the table was just doubled

Numbers = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint32]
Slots = npt.NDArray[np.uint64]

_FIRST_BITS = 12
_FULL = 0.6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Fibonacci hashing, TAOCP 3, section 6.4
_WORD_BITS = 64
_KEY_SHIFT = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_EMPTY = np.uint64(0)
_LARGEST_COUNT = np.uint32(0xFFFFFFFF)
_LARGEST_NUMBERS = 1 << 31  # ids are int32
NO_NUMBER = np.int32(-1)


class Vocabulary:
    """The different keys of one column, numbered 0, 1, ... as they first appear."""

    def __init__(self, rule: IdRule):
        self._rule = rule
        self._modulo = np.uint32(_modulo(rule) % HASH_VALUES)  # 0: as they are
        self._is_counted = rule.minimum > 1 or isinstance(rule, ByCount)
        self._size = 0
        self._slots = np.zeros(1 << _FIRST_BITS, np.uint64)
        self._count_U = np.zeros(self._room if self._is_counted else 0, np.uint32)

    def __len__(self) -> int:
        return self._size

    @property
    def table_bytes(self) -> int:
        """How large its table is; counts, where the rule needs them, aside."""
        return self._slots.nbytes

    def add(self, dictionary: Dictionary) -> Numbers:
        """Return the number of each entry of `dictionary`, shape (D,); new keys get the next numbers, in order.

        An entry that has none, as it stands for no category, is `NO_NUMBER`.

        Raises:
            DataError: there are more keys than an id can tell apart.
        """
        number_D = np.empty(len(dictionary.key_D), np.int32)
        if dictionary.missing is None or isinstance(self._rule, FirstSeen):
            self._add(dictionary.key_D, number_D)
        else:
            before, after = slice(dictionary.missing), slice(dictionary.missing + 1, None)
            self._add(dictionary.key_D[before], number_D[before])
            number_D[dictionary.missing] = NO_NUMBER
            self._add(dictionary.key_D[after], number_D[after])
        if self._is_counted:
            _add_counts(number_D, dictionary.count_D, self._count_U)
        return number_D

    def settle(self) -> tuple[Numbers | None, int]:
        """Return the id of each number (None: add the rule's first id), and how many ids there are; ends the table.

        Numbers count from 0, so the last element is the id of `NO_NUMBER`.
        """
        rule = self._rule
        if isinstance(rule, ByCount):
            return self._by_count(rule)
        if rule.minimum <= 1:
            return None, max(rule.first_id + self._size, 0 if rule.rare_id is None else rule.rare_id + 1)
        return self._often_enough(rule)

    @property
    def _room(self) -> int:
        return int(len(self._slots) * _FULL)

    def _add(self, key_D: npt.NDArray[np.uint32], number_D: Numbers) -> None:
        begin = 0
        while True:
            begin, self._size = _number(
                key_D, number_D, begin, self._modulo, self._slots, _shift(self._slots), self._size, self._room
            )
            if begin == len(key_D):
                return
            self._grow()

    def _grow(self) -> None:
        if self._size >= _LARGEST_NUMBERS - 2:
            raise DataError("a column has more than 2147483646 categories; set --max-ind-range")
        larger = np.zeros(2 * len(self._slots), np.uint64)
        _move(self._slots, larger, _shift(larger))
        self._slots = larger
        if self._is_counted:
            count_U = np.zeros(self._room, np.uint32)
            count_U[: self._size] = self._count_U[: self._size]
            self._count_U = count_U

    def _by_count(self, rule: ByCount) -> tuple[Numbers, int]:
        key_U = np.empty(self._size, np.uint32)
        _keys(self._slots, key_U)
        self._slots = self._slots[:0]
        count_U = self._count_U[: self._size]
        kept = np.flatnonzero(count_U >= rule.minimum).astype(np.int32)
        # What is sorted: the complement of the count in the upper half, the key in the lower.
        place = (_LARGEST_COUNT - count_U[kept]).astype(np.uint64) << _KEY_SHIFT | key_U[kept]
        id_U = np.zeros(self._size + 1, np.int32)
        id_U[kept[np.argsort(place)]] = np.arange(1, len(kept) + 1, dtype=np.int32)
        return id_U, len(kept) + 1

    def _often_enough(self, rule: FirstSeen) -> tuple[Numbers, int]:
        self._slots = self._slots[:0]
        rare_id = 0 if rule.rare_id is None else rule.rare_id
        kept = np.flatnonzero(self._count_U[: self._size] >= rule.minimum)
        id_U = np.full(self._size + 1, rare_id, np.int32)
        id_U[kept] = np.arange(rule.first_id, rule.first_id + len(kept), dtype=np.int32)
        return id_U, max(rule.first_id + len(kept), rare_id + 1)


def settled(number_D: Numbers, id_U: Numbers | None, rule: IdRule) -> Numbers:
    """Return the ids of `number_D`, given what `Vocabulary.settle` returned."""
    if id_U is not None:
        return id_U[number_D]
    first_id = rule.first_id if isinstance(rule, FirstSeen) else 0
    return number_D + np.int32(first_id) if first_id else number_D


def _modulo(rule: IdRule) -> int:
    return rule.modulo if isinstance(rule, FirstSeen) else HASH_VALUES


def _shift(slots_S: npt.NDArray[np.uint64]) -> np.uint64:
    return np.uint64(_WORD_BITS - (len(slots_S).bit_length() - 1))


@compiled
def _number(
    key_D: Keys,
    number_D: Numbers,
    begin: int,
    modulo: np.uint32,
    slots_S: Slots,
    shift: np.uint64,
    size: int,
    room: int,
) -> tuple[int, int]:
    """Number the keys from `begin` on until there is no room for a new one; return where it stopped, and the size."""
    mask = np.uint64(len(slots_S) - 1)
    for index in range(begin, len(key_D)):
        small = key_D[index]
        if modulo:
            small = small % modulo
        key = np.uint64(small)
        slot = (key * _GOLDEN) >> shift
        while True:
            taken = slots_S[slot]
            if taken == _EMPTY:
                if size >= room:
                    return index, size
                slots_S[slot] = (key << _KEY_SHIFT) | np.uint64(size + 1)
                number_D[index] = size
                size += 1
                break
            if (taken >> _KEY_SHIFT) == key:
                number_D[index] = np.int32((taken & _LOW) - _ONE)
                break
            slot = (slot + _ONE) & mask
    return len(key_D), size


@compiled
def _move(slots_S: Slots, larger_S: Slots, shift: np.uint64) -> None:
    mask = np.uint64(len(larger_S) - 1)
    for index in range(len(slots_S)):
        taken = slots_S[index]
        if taken != _EMPTY:
            slot = ((taken >> _KEY_SHIFT) * _GOLDEN) >> shift
            while larger_S[slot] != _EMPTY:
                slot = (slot + _ONE) & mask
            larger_S[slot] = taken


@compiled
def _keys(slots_S: Slots, key_U: Keys) -> None:
    for index in range(len(slots_S)):
        taken = slots_S[index]
        if taken != _EMPTY:
            key_U[(taken & _LOW) - _ONE] = np.uint32(taken >> _KEY_SHIFT)


@compiled
def _add_counts(number_D: Numbers, count_D: Keys, count_U: Keys) -> None:
    # No two keys can reach the largest count among less than 2**33 rows, so stopping there keeps their order.
    for index in range(len(number_D)):
        number = number_D[index]
        if number >= 0:
            total = np.uint64(count_U[number]) + np.uint64(count_D[index])
            count_U[number] = np.uint32(min(total, np.uint64(_LARGEST_COUNT)))
