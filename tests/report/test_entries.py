import shutil
from pathlib import Path

import pytest
from records import make_case

from pinbench.base.errors import UsageError
from pinbench.harness.report.entries import Outcome, read_entries


def outcomes(*paths):
    return [entry.outcome for entry in read_entries(paths)]


def test_a_log_directory_an_iteration_and_a_tree_give_the_same_entries(tmp_path, keep_run, passed):
    logs = keep_run(passed())
    for path in (logs, logs / "itr-1", tmp_path):
        (entry,) = read_entries([path])
        assert entry.outcome is Outcome.PASSED
        assert entry.primary.value == 12_800.0


def test_a_copied_log_directory_reads_the_same(tmp_path, keep_run, passed):
    original = keep_run(passed())
    copy = shutil.copytree(original, tmp_path / "elsewhere" / "renamed by hand")
    assert read_entries([copy])[0].kpis == read_entries([original])[0].kpis


def test_an_iteration_that_is_named_twice_counts_once(keep_run, passed, monkeypatch):
    logs = keep_run(passed())
    monkeypatch.chdir(logs)
    assert len(read_entries([logs, logs / "itr-1", logs / "itr-1" / ".." / "itr-1"])) == 1


def test_failed_and_killed_iterations_are_told_apart(keep_run, passed, failed):
    assert outcomes(keep_run(passed(), failed, None)) == [Outcome.PASSED, Outcome.FAILED, Outcome.INCOMPLETE]


def test_a_run_that_was_killed_before_its_first_iteration_is_incomplete(keep_run):
    assert outcomes(keep_run()) == [Outcome.INCOMPLETE]


def test_a_record_that_was_cut_short_is_a_failure_with_its_reason(keep_run, passed):
    logs = keep_run(passed())
    record = logs / "itr-1" / "record.json"
    record.write_text(record.read_text()[:500])
    (entry,) = read_entries([logs])
    assert entry.outcome is Outcome.FAILED
    assert "is not JSON" in entry.reason
    assert entry.kpis == ()


def test_a_status_that_is_not_0_outweighs_a_good_record(keep_run, passed):
    logs = keep_run(passed())
    (logs / "itr-1" / "worker-0-c0" / "status").write_text("3\n")
    assert outcomes(logs) == [Outcome.FAILED]


def test_parameters_are_what_was_asked_for_overlaid_with_what_ran(keep_run, passed):
    case = make_case(steps=10, own={"INDEX_ALPHA": 1.05})
    (entry,) = read_entries([keep_run(passed(case=case))])
    assert entry.parameters["INDEX_ALPHA"] == 1.05
    assert entry.parameters["STEPS"] == 100


def test_a_path_that_does_not_exist_and_a_folder_without_logs_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no such directory: /nowhere"):
        read_entries([Path("/nowhere")])
    with pytest.raises(UsageError, match=f"no log directory in {tmp_path}"):
        read_entries([tmp_path])
