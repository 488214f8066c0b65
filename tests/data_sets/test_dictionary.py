from collections import Counter

import numpy as np
import pytest

from pinbench.worker.data.criteo.dictionary import Numbering

FEATURE = 7


def number(numbering, values):
    """Number a column of values, None where the field is missing; return it decoded again, keys and counts."""
    hash_B = np.array([value or 0 for value in values], np.uint32)
    # Bits of other columns must not matter.
    missing_B = np.array([(value is None) << FEATURE | row % 2 << 3 for row, value in enumerate(values)], np.uint32)
    local_B, dictionary = numbering.number(hash_B, missing_B, FEATURE)
    keys = [None if entry == dictionary.missing else key for entry, key in enumerate(dictionary.key_D.tolist())]
    return local_B, keys, dictionary.count_D.tolist()


def test_values_are_numbered_as_they_first_appear_and_missing_differs_from_zero():
    local_B, keys, counts = number(Numbering(), [9, None, 0, 9, 0xFFFFFFFF, None, None])
    assert local_B.tolist() == [0, 1, 2, 0, 3, 1, 1]
    assert keys == [9, None, 0, 0xFFFFFFFF]
    assert counts == [2, 3, 1, 1]


def test_a_column_without_rows_has_no_entries():
    local_B, keys, counts = number(Numbering(), [])
    assert (local_B.tolist(), keys, counts) == ([], [], [])


@pytest.mark.parametrize(
    ("values", "kind"), [(256, np.uint8), (257, np.uint16), (65_536, np.uint16), (65_537, np.uint32)]
)
def test_local_ids_are_as_narrow_as_the_dictionary_allows(values, kind):
    local_B, keys, _ = number(Numbering(), [value * 31 for value in range(values)])
    assert local_B.dtype == kind
    assert local_B.tolist() == list(range(values))
    assert keys == [value * 31 for value in range(values)]


@pytest.mark.parametrize("values", [3, 1000, 100_000])
def test_many_values_are_numbered_as_a_plain_dict_does_it(values):
    random = np.random.default_rng(values)
    numbering = Numbering()
    for missing_share in (0.0, 0.2):  # the second column finds the tables of the first
        drawn = (random.zipf(1.2, 150_000) * 2654435761 % 2**32 % values * 40503 % 2**32).tolist()
        column = [None if random.random() < missing_share else value for value in drawn]
        local_B, keys, counts = number(numbering, column)
        seen, counted = list(dict.fromkeys(column)), Counter(column)
        assert keys == seen
        assert [seen[entry] for entry in local_B.tolist()] == column
        assert counts == [counted[value] for value in seen]
