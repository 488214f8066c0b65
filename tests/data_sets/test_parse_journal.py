import dataclasses

import pytest

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.parse_journal import Layout, ParseJournal, ShardRecord

LAYOUT = Layout(inputs=(("/raw/day_0", 7, 11), ("-", None, None)), rows=None, shard_bytes=1000)


def record(shard, piece=0, is_last=False, end=0):
    return ShardRecord(
        input=0, piece=piece, shard=shard, rows=5, end=end, carriage_returns=1, byte_order_marks=0, is_last=is_last
    )


def write(path, *records, layout=LAYOUT):
    with ParseJournal(path, layout) as journal:
        for one in records:
            journal.add(one)


def kept(path, piece=0, layout=LAYOUT):
    with ParseJournal(path, layout) as journal:
        return list(journal.kept(0, piece))


def test_what_was_noted_is_there_when_the_journal_is_opened_again(tmp_path):
    path = tmp_path / "journal"
    write(path, record(0), record(0, piece=1), record(1, is_last=True))
    assert kept(path) == [record(0), record(1, is_last=True)]
    assert kept(path, piece=1) == [record(0, piece=1)]
    assert kept(path, piece=2) == []


def test_only_shards_without_a_gap_before_them_are_kept_and_the_latest_of_each(tmp_path):
    path = tmp_path / "journal"
    write(path, record(0), record(1, end=1), record(3), record(1, end=2))
    assert kept(path) == [record(0), record(1, end=2)]


def test_a_line_that_is_torn_is_dropped_and_later_ones_are_whole(tmp_path):
    path = tmp_path / "journal"
    write(path, record(0), record(1))
    path.write_bytes(path.read_bytes()[:-20])
    write(path, record(1, end=9))
    assert kept(path) == [record(0), record(1, end=9)]


def test_a_journal_torn_in_its_first_line_is_begun_anew(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b'{"inputs": [["/ra')
    write(path, record(0))
    assert kept(path) == [record(0)]


def test_the_same_inputs_are_cut_as_they_were_whatever_the_memory_is_now(tmp_path):
    path = tmp_path / "journal"
    write(path, record(0))
    with ParseJournal(path, dataclasses.replace(LAYOUT, shard_bytes=5)) as journal:
        assert journal.layout.shard_bytes == 1000
        assert journal.kept(0, 0) == [record(0)]


@pytest.mark.parametrize("change", [{"rows": 5}, {"inputs": (("/raw/day_0", 7, 12),)}, {"inputs": ()}])
def test_what_was_parsed_of_other_inputs_or_rows_is_forgotten(tmp_path, change):
    path = tmp_path / "journal"
    write(path, record(0))
    other = dataclasses.replace(LAYOUT, **change)
    assert kept(path, layout=other) == []
    assert kept(path, layout=LAYOUT) == []


def test_a_journal_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*nowhere/journal: No such file or directory"):
        ParseJournal(tmp_path / "nowhere/journal", LAYOUT)
