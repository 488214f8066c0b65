from pathlib import Path

import pytest

from pinbench.base.errors import RecordError
from pinbench.harness.record.journal import (
    Line,
    append,
    good_cases,
    is_done,
    latest_journal,
    log_directories,
    read_journal,
    reopen_journal,
    start_journal,
)


def ran(turn: str, case: str | None, code: int, logs: str | None = None) -> Line:
    return Line(turn=turn, case=case, code=code, logs=logs)


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = start_journal(tmp_path, "abc", "0102-030405")
    lines = (ran("l1", "dummy", 1, "/logs a"), ran("l1", None, 8))
    for line in lines:
        append(path, line)
    assert read_journal(path) == lines


def test_a_torn_last_line_is_a_run_that_is_not_over(tmp_path: Path) -> None:
    path = start_journal(tmp_path, "abc", "0102-030405")
    append(path, ran("l1", "dummy", 0))
    with path.open("a") as file:
        file.write('{"turn": "l1", "ca')
    assert read_journal(path) == reopen_journal(path) == (ran("l1", "dummy", 0),)
    append(path, ran("l2", "dummy", 0))
    assert [line.turn for line in read_journal(path)] == ["l1", "l2"]


def test_a_damaged_line_names_its_place(tmp_path: Path) -> None:
    path = start_journal(tmp_path, "abc", "0102-030405")
    path.write_text("{\n")
    with pytest.raises(RecordError, match=r"abc\.jsonl, line 1 is damaged"):
        read_journal(path)


def test_the_newest_journal_of_the_same_work_is_found(tmp_path: Path) -> None:
    assert latest_journal(tmp_path, "abc") is None
    start_journal(tmp_path, "abc", "0102-030405")
    newest = start_journal(tmp_path, "abc", "0102-030406")
    start_journal(tmp_path, "xyz", "0102-030407")
    assert latest_journal(tmp_path, "abc") == newest


def test_a_turn_is_done_when_its_last_end_was_good() -> None:
    lines = [ran("l1", "a", 0), ran("l1", "b", 1), ran("l1", None, 8)]
    assert not is_done(lines, "l1")
    assert good_cases(lines, "l1") == {"a"}
    again = [*lines, ran("l1", "b", 77), ran("l1", None, 0)]
    assert is_done(again, "l1")
    assert good_cases(again, "l1") == {"a", "b"}
    assert not is_done([ran("l1", "a", 0)], "l1")  # interrupted


def test_the_last_run_of_a_case_in_a_turn_is_the_one_that_counts() -> None:
    lines = [ran("l1", "a", 1, "/1"), ran("l1", "a", 0, "/2"), ran("l2", "a", 0, "/3"), ran("l2", "b", 1)]
    assert log_directories(lines) == (Path("/2"), Path("/3"))
    assert log_directories(lines, {"l2"}) == (Path("/3"),)
