import pytest

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo import journal
from pinbench.worker.data.criteo.journal import Journal


def test_what_is_marked_is_not_pending_any_more_for_a_later_process_too(tmp_path):
    first = Journal(tmp_path / "done", "plan", 5)
    first.mark(1)
    first.mark(4)
    assert first.pending() == [0, 2, 3]
    assert Journal(tmp_path / "done", "plan", 5).pending() == [0, 2, 3]


@pytest.mark.parametrize(("plan", "pieces"), [("other", 3), ("plan", 4)])
def test_marks_of_another_plan_do_not_count(tmp_path, plan, pieces):
    Journal(tmp_path / "done", "plan", 3).mark(0)
    assert Journal(tmp_path / "done", plan, pieces).pending() == list(range(pieces))


def test_marks_of_before_the_last_start_of_the_machine_do_not_count(tmp_path, monkeypatch):
    Journal(tmp_path / "done", "plan", 3).mark(0)
    monkeypatch.setattr(journal, "_boot_id", lambda: "next")
    assert Journal(tmp_path / "done", "plan", 3).pending() == [0, 1, 2]


def test_a_torn_journal_is_begun_anew(tmp_path):
    Journal(tmp_path / "done", "plan", 3).mark(0)
    whole = (tmp_path / "done").read_bytes()
    (tmp_path / "done").write_bytes(whole[:-1])
    assert Journal(tmp_path / "done", "plan", 3).pending() == [0, 1, 2]


def test_work_of_no_pieces_is_done(tmp_path):
    assert Journal(tmp_path / "done", "plan", 0).pending() == []


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*gone/done: No such file or directory"):
        Journal(tmp_path / "gone/done", "plan", 1)
