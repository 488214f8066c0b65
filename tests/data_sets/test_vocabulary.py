from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinbench.worker.data.criteo.form import ByCount, FirstSeen
from pinbench.worker.data.criteo.shard import Dictionary
from pinbench.worker.data.criteo.vocabulary import BYTES_PER_KEY, Vocabulary, settled

ALL = 1 << 32


def dictionary(values):
    """The dictionary of a shard whose rows have `values` (None: missing), and each row's entry."""
    entries, counts = {}, Counter(values)
    local = [entries.setdefault(value, len(entries)) for value in values]
    keys = np.array([value or 0 for value in entries], np.uint32)
    count = np.array([counts[value] for value in entries], np.uint32)
    return Dictionary(key_D=keys, count_D=count, missing=entries.get(None)), local


def number(rule, shards):
    """The id of each row of all shards, and the number of ids, as the stages get them."""
    vocabulary = Vocabulary(rule)
    numbered = []
    for values in shards:
        of_shard, local = dictionary(values)
        numbered.append((vocabulary.add(of_shard), local))
    id_U, table_rows = vocabulary.settle()
    return [int(settled(numbers, id_U, rule)[entry]) for numbers, local in numbered for entry in local], table_rows


def plain_first_seen(rule, shards):
    values = [(value or 0) % rule.modulo for shard in shards for value in shard]
    counts, ids = Counter(values), {}
    for value in values:
        if counts[value] >= rule.minimum and value not in ids:
            ids[value] = rule.first_id + len(ids)
    rare_rows = 0 if rule.rare_id is None else rule.rare_id + 1
    return [ids.get(value, rule.rare_id) for value in values], max(rule.first_id + len(ids), rare_rows)


def plain_by_count(rule, shards):
    values = [value for shard in shards for value in shard]
    counts = Counter(value for value in values if value is not None)
    kept = sorted(
        (value for value in counts if counts[value] >= rule.minimum), key=lambda value: (-counts[value], value)
    )
    ids = {value: rank + 1 for rank, value in enumerate(kept)}
    return [ids.get(value, 0) for value in values], len(kept) + 1


value = st.none() | st.integers(0, 9) | st.integers(0, ALL - 1)
some_shards = st.lists(st.lists(value, max_size=60), max_size=5)


def test_ids_follow_the_first_appearance_and_a_missing_one_is_zero():
    rule = FirstSeen(modulo=ALL)
    assert number(rule, [[9, 2, None, 9], [7, 0, None, 2]]) == ([0, 1, 2, 0, 3, 2, 2, 1], 4)


def test_values_are_taken_modulo_the_range():
    assert number(FirstSeen(modulo=10), [[9, 19, 0, 10, None]]) == ([0, 0, 1, 1, 1], 2)


def test_rare_values_share_an_id_and_the_others_have_no_gaps():
    rule = FirstSeen(modulo=ALL, first_id=2, minimum=2, rare_id=1)
    assert number(rule, [[5, 6, 7], [7, 8, 6]]) == ([1, 2, 3, 3, 1, 2], 4)


def test_by_count_the_most_frequent_is_1_ties_go_by_value_and_missing_is_0_unlike_the_value_0():
    assert number(ByCount(minimum=2), [[9, 9, 4, 0, None], [4, 9, 0, 8, None]]) == ([1, 1, 3, 2, 0, 3, 1, 2, 0, 0], 4)


@given(some_shards, st.sampled_from([ALL, 10, 4_000_000_000, 1]), st.sampled_from([(0, 0, None), (2, 0, 1), (2, 3, 1)]))
@settings(deadline=None)
def test_first_seen_ids_equal_those_of_a_plain_dictionary(shards, modulo, more):
    first_id, minimum, rare_id = more
    rule = FirstSeen(modulo=modulo, first_id=first_id, minimum=minimum, rare_id=rare_id)
    assert number(rule, shards) == plain_first_seen(rule, shards)


@given(some_shards, st.integers(1, 4))
@settings(deadline=None)
def test_ids_by_count_equal_those_of_a_plain_sort(shards, minimum):
    rule = ByCount(minimum=minimum)
    assert number(rule, shards) == plain_by_count(rule, shards)


@pytest.mark.parametrize(
    "rule", [FirstSeen(modulo=ALL), FirstSeen(modulo=ALL, minimum=2, rare_id=0), ByCount(minimum=2)]
)
def test_a_table_that_grows_many_times_loses_nothing(rule):
    values = (np.random.default_rng(3).integers(0, 60_000, 150_000) * 65_537 % ALL).tolist()
    shards = [values[begin : begin + 9_000] for begin in range(0, len(values), 9_000)]
    plain = plain_by_count if isinstance(rule, ByCount) else plain_first_seen
    assert number(rule, shards) == plain(rule, shards)


def test_a_table_takes_no_more_bytes_for_a_key_than_it_says():
    keys = np.arange(3_000_000, dtype=np.uint32) * np.uint32(2_654_435_761)
    vocabulary = Vocabulary(FirstSeen(modulo=ALL))
    for part in np.array_split(keys, 40):
        vocabulary.add(Dictionary(key_D=part, count_D=np.ones(len(part), np.uint32), missing=None))
        if len(vocabulary) > 100_000:
            assert vocabulary.table_bytes / len(vocabulary) <= BYTES_PER_KEY


def test_keys_that_all_want_the_last_slot_find_places_behind_it():
    candidates = np.arange(1 << 23, dtype=np.uint32)
    slots = (candidates.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - 12)
    crowded = candidates[slots == 4095][:1500].tolist()
    ids, _ = number(FirstSeen(modulo=ALL), [crowded, crowded[::-1]])
    assert ids == [*range(1500), *reversed(range(1500))]


def test_counts_beyond_32_bits_stay_in_order():
    rule = ByCount(minimum=1)
    vocabulary = Vocabulary(rule)
    for count in (0xFFFFFFFF, 5):
        counts = np.array([count, 7], np.uint32)
        vocabulary.add(Dictionary(key_D=np.array([4, 3], np.uint32), count_D=counts, missing=None))
    id_U, _ = vocabulary.settle()
    assert id_U[:2].tolist() == [1, 2]
