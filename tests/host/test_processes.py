import os
import subprocess
import sys

from pinbench.harness.host.processes import Process, descendants, read_process, read_processes, still_runs


def make(pid: int, parent: int) -> Process:
    return Process(pid=pid, parent=parent, group=pid, start_ticks=0)


def test_this_process_is_found_with_its_parent_and_group() -> None:
    me = read_process(os.getpid())
    assert me is not None
    assert (me.parent, me.group) == (os.getppid(), os.getpgrp())
    assert me in read_processes()
    assert still_runs(me)


def test_a_name_with_brackets_and_spaces_does_not_shift_the_fields(tmp_path) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    fields = ["S", "3", "5", *map(str, range(6, 22)), "4711", "0"]
    (tmp_path / "proc/7/stat").write_text(f"7 (a ) (Z 1 2) {' '.join(fields)}\n")
    assert read_process(7, tmp_path) == Process(pid=7, parent=3, group=5, start_ticks=4711)
    assert read_processes(tmp_path) == (read_process(7, tmp_path),)


def test_a_zombie_and_one_that_is_gone_do_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert read_process(child.pid) is None
    assert read_process(child.pid) is None


def test_a_later_process_with_the_number_is_another_one() -> None:
    me = read_process(os.getpid())
    assert me is not None
    earlier = Process(pid=me.pid, parent=me.parent, group=me.group, start_ticks=me.start_ticks - 1)
    assert not still_runs(earlier)


def test_descendants_are_found_over_generations_and_without_the_first() -> None:
    family = [make(1, 0), make(2, 1), make(3, 2), make(4, 1), make(9, 0), make(10, 9)]
    assert {process.pid for process in descendants(1, family)} == {2, 3, 4}
    assert descendants(10, family) == ()
