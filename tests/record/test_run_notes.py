import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import write_json
from pinbench.harness.record.run_notes import FOLDER, RunNote, await_note, end_note, note_run, read_notes


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def noted(root: Path, pid: int, log: Path | None = None) -> RunNote:
    note = note_run(root, pid, ["./ctest.sh", "-V"], log)
    assert note is not None
    return note


def test_a_process_runs_until_it_has_ended(tmp_path: Path) -> None:
    with sleeper() as process:
        note = noted(tmp_path, process.pid)
        assert note.runs
        assert await_note(tmp_path, process.pid) == note
        process.kill()
    assert not note.runs
    assert note_run(tmp_path, process.pid, [], None) is None


def test_two_that_begin_in_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    ids = {noted(tmp_path, os.getpid()).id for _ in range(3)}
    assert len(ids) == 3


def test_a_process_notes_its_own_exit_code(tmp_path: Path) -> None:
    noted(tmp_path, os.getpid())
    end_note(tmp_path, os.getpid(), 8)
    (note,) = read_notes(tmp_path)
    assert (note.code, note.runs) == (8, False)


def test_a_later_process_with_the_number_is_not_the_one(tmp_path: Path) -> None:
    note = noted(tmp_path, os.getpid())
    assert not replace(note, start_ticks=note.start_ticks - 1).runs


def test_a_call_on_another_host_is_not_judged(tmp_path: Path) -> None:
    note = replace(noted(tmp_path, os.getpid()), host="elsewhere")
    assert note.is_elsewhere
    assert not note.runs


def test_notes_that_are_over_are_forgotten_of_the_background_the_last_are_kept(tmp_path: Path) -> None:
    note = noted(tmp_path, os.getpid())
    over = replace(note, start_ticks=0, code=0)
    (tmp_path / FOLDER / f"{note.id}.json").unlink()
    for number in range(30):
        log = None if number % 2 else "/log"
        write_json(tmp_path / FOLDER / f"0101-{number:06}.json", replace(over, id=f"0101-{number:06}", log=log))
    write_json(tmp_path / FOLDER / "0102-000000.json", replace(over, id="0102-000000", host="elsewhere"))
    newest = noted(tmp_path, os.getpid())
    left = read_notes(tmp_path)
    assert len([each for each in left if each.log]) == 15
    assert {each.id for each in left if not each.log} == {"0102-000000", newest.id}


def test_a_note_that_nobody_writes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no note of process 1 in"):
        await_note(tmp_path, 1, limit_s=0.05)
