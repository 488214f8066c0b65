import pytest

from pinbench.base.errors import RecordError
from pinbench.harness.record.recent import build_root, recent, remember


def test_the_list_lies_in_the_build_folder_above(tmp_path):
    logs_root = tmp_path / "workload" / "dummy"
    (logs_root / "logs-a").mkdir(parents=True)
    (tmp_path / "CMakeCache.txt").touch()
    remember(logs_root, logs_root / "logs-a")
    assert (tmp_path / ".log_files").is_file()
    assert recent(logs_root) == (logs_root / "logs-a",)


def test_outside_of_a_build_folder_the_list_lies_with_the_logs(tmp_path):
    assert build_root(tmp_path) == tmp_path


def test_the_last_mention_counts_and_folders_that_are_gone_are_left_out(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    remember(tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "gone", tmp_path / "a")
    assert recent(tmp_path) == (tmp_path / "b", tmp_path / "a")


def test_the_list_is_found_from_the_source_folder_that_holds_build(tmp_path):
    (tmp_path / "build" / "logs-a").mkdir(parents=True)
    remember(tmp_path / "build", tmp_path / "build" / "logs-a")
    assert recent(tmp_path) == (tmp_path / "build" / "logs-a",)


def test_without_a_list_the_user_is_told_what_to_do(tmp_path):
    with pytest.raises(RecordError, match="run a case first"):
        recent(tmp_path)
