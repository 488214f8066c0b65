import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pinbench.worker.data.criteo.vocabulary import Vocabulary


def by_dictionary(keys):
    ids = {}
    return [ids.setdefault(key, len(ids)) for key in keys], len(ids)


def test_ids_follow_the_first_appearance():
    vocabulary = Vocabulary()
    assert vocabulary.encode(np.array([9, 2, 9, 7], np.uint32)).tolist() == [0, 1, 0, 2]
    assert vocabulary.encode(np.array([1, 7, 0, 9], np.uint32)).tolist() == [3, 2, 4, 0]
    assert len(vocabulary) == 5


@given(st.lists(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 9), max_size=50), max_size=5))
def test_blocks_get_the_ids_that_a_dictionary_gives(blocks):
    vocabulary = Vocabulary()
    got = [i for block in blocks for i in vocabulary.encode(np.array(block, np.uint32)).tolist()]
    assert (got, len(vocabulary)) == by_dictionary([key for block in blocks for key in block])


def test_a_table_that_grows_many_times_loses_nothing():
    keys = np.random.default_rng(3).integers(0, 60_000, 100_000).astype(np.uint32) * np.uint32(65_537)
    vocabulary = Vocabulary()
    got = np.concatenate([vocabulary.encode(part) for part in np.array_split(keys, 17)])
    expected, size = by_dictionary(keys.tolist())
    assert got.tolist() == expected
    assert len(vocabulary) == size > 40_000


def test_keys_that_all_want_the_last_slot_find_places_behind_it():
    candidates = np.arange(1 << 23, dtype=np.uint32)
    slots = (candidates.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - 12)
    crowded = candidates[slots == 4095][:1500]
    vocabulary = Vocabulary()
    assert vocabulary.encode(crowded).tolist() == list(range(1500))
    assert vocabulary.encode(crowded[::-1]).tolist() == list(range(1499, -1, -1))
