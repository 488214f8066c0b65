from pathlib import Path

import pytest

from pinbench.base.errors import UsageError
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.harness.cli._run_call import read_call
from pinbench.harness.record.journal import Line, read_journal

HOST = Topology(
    cpus=tuple(Cpu(id=i, core=i, socket=0, node=0, l3=0) for i in range(4)),
    nodes=(Node(id=0, total_bytes=8, free_bytes=8),),
)


def test_without_ctest_sh_a_run_has_the_whole_host_and_no_journal(tmp_path: Path) -> None:
    call = read_call({})
    assert call.part_of(HOST) == (HOST, ())
    call.note_end("dummy", 0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_member_of_a_burst_has_its_part_and_a_note_of_it() -> None:
    part, (note,) = read_call({"PINBENCH_SHARE": "2/2"}).part_of(HOST)
    assert [cpu.id for cpu in part.cpus] == [2, 3]
    assert note.startswith("part 2 of 2")


def test_the_end_is_told_under_the_name_that_ctest_knows(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    call = read_call({"PINBENCH_JOURNAL": str(journal), "PINBENCH_LABEL": "l2"})
    call.note_end("dummy", 77, None)
    call.note_end("test_dummy", 0, Path("/logs"))
    assert read_journal(journal) == (
        Line(turn="l2", case="test_dummy", code=77), Line(turn="l2", case="test_dummy", code=0, logs="/logs"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PINBENCH_SHARE", "3/2"), ("PINBENCH_SHARE", "0/2"), ("PINBENCH_SHARE", "x"), ("PINBENCH_LABEL", "../x")],
)
def test_what_ctest_sh_would_not_say_is_refused(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=variable):
        read_call({variable: value})
