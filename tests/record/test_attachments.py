from pathlib import Path

import pytest

from pinbench.base.errors import RecordError, UsageError
from pinbench.harness.record.attachments import attach, require_attachable


def test_a_copy_lies_in_the_log_directory(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("new fans")
    logs = tmp_path / "logs-x"
    logs.mkdir()
    require_attachable(note, [])
    attach([note], logs)
    assert (logs / "note.txt").read_text() == "new fans"


@pytest.mark.parametrize("name", ["kpi.sh", "workload-config.yaml", "itr-1", ".run"])
def test_a_file_of_the_log_directory_is_never_replaced(name: str) -> None:
    with pytest.raises(UsageError, match="of its own; rename the file"):
        require_attachable(Path("/x") / name, [])


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="/b/note has the same name"):
        require_attachable(Path("/a/note"), [Path("/b/note")])


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"cannot attach .*gone"):
        attach([tmp_path / "gone"], tmp_path)
