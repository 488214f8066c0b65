import json

import pytest
from listings import rate
from records import make_record

from pinbench.contract.result import Status
from pinbench.harness.report import entries, judged
from pinbench.harness.report.entries import Outcome, read_entries


@pytest.fixture
def counted(monkeypatch):
    """Return a list that grows whenever a record is judged."""
    calls = []
    real = entries.conclude
    monkeypatch.setattr(entries, "conclude", lambda record: calls.append(record) or real(record))
    return calls


@pytest.mark.parametrize("record", [rate(6400.0), make_record(status=Status.FAILED, failure="died"), rate(1.25e6)])
def test_a_record_is_judged_once_and_reads_the_same_afterwards(keep_run, counted, record):
    logs = keep_run(record)
    first, second = read_entries([logs]), read_entries([logs])
    assert first == second
    assert len(counted) == 1


def test_a_copied_or_moved_log_directory_keeps_it(keep_run, counted, tmp_path):
    logs = keep_run(rate(6400.0))
    read_entries([logs])
    (moved,) = read_entries([logs.rename(tmp_path / "moved")])
    assert moved.primary.value == 6400.0
    assert len(counted) == 1


def test_a_record_that_changed_is_judged_anew(keep_run, counted):
    logs = keep_run(rate(6400.0))
    read_entries([logs])
    path = logs / "itr-1" / "record.json"
    path.write_text(path.read_text().replace('"elapsed_s": 12.5', '"elapsed_s": 99.5'))
    assert read_entries([logs])[0].elapsed_s == 99.5
    assert len(counted) == 2


def test_numbers_that_were_changed_by_hand_are_not_repeated(keep_run, counted):
    logs = keep_run(rate(6400.0))
    read_entries([logs])
    kept = logs / "itr-1" / judged.NAME
    assert "6400.0" in kept.read_text()
    kept.write_text(kept.read_text().replace("6400.0", "9999.0"))
    assert read_entries([logs])[0].primary.value == 6400.0
    assert len(counted) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]\n", b'{"digest": "0", "judged":\n{}}\n'])
def test_a_file_of_another_content_is_written_anew(keep_run, content):
    logs = keep_run(rate(6400.0))
    (logs / "itr-1" / judged.NAME).write_bytes(content)
    assert read_entries([logs])[0].outcome is Outcome.PASSED
    assert json.loads((logs / "itr-1" / judged.NAME).read_text())["judged"]["status"] == "passed"


def test_other_code_judges_anew(keep_run, counted, monkeypatch):
    logs = keep_run(rate(6400.0))
    read_entries([logs])
    monkeypatch.setattr(judged, "_judges", lambda: b"other code")
    read_entries([logs])
    assert len(counted) == 2


def test_a_folder_that_cannot_be_written_to_is_read_all_the_same(keep_run, monkeypatch):
    logs = keep_run(rate(6400.0))

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    assert read_entries([logs])[0].primary.value == 6400.0
    assert sorted(path.name for path in (logs / "itr-1").glob("*kpi*")) == ["kpi.sh", "kpi.txt"]


def test_a_status_file_that_says_otherwise_still_counts(keep_run):
    logs = keep_run(rate(6400.0))
    read_entries([logs])
    (logs / "itr-1" / "worker-0-c0" / "status").write_text("3\n")
    assert read_entries([logs])[0].outcome is Outcome.FAILED
