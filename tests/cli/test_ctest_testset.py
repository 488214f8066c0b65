from pathlib import Path

import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.cli._ctest_testset import read_testset


def plan(tmp_path: Path, text: str):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return read_testset(path)


def test_each_document_is_a_call_in_its_order(tmp_path: Path) -> None:
    (first, pause), (second, _) = plan(
        tmp_path,
        """
testcase: test_dummy_throughput
loop: 3
run: 2
continue: true
BATCH_SIZE: 1 2 4
DLRM-PyTorch-Xeon-Public__STEPS: 7
sync: 5m
---
testcase: [/gated$/, "!/pkm/", test_x]
burst: 2
""",
    )
    assert (first.pattern, first.loops, first.runs, first.keep_going) == ("^test_dummy_throughput$", 3, 2, True)
    assert first.settings == ["BATCH_SIZE=1 2 4", "DLRM-PyTorch-Xeon-Public__STEPS=7"]
    assert pause == 300
    assert second.native == ["-R", "gated$|^test_x$", "-E", "pkm"]
    assert second.burst == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no document"),
        ("loop: 3", "document 1: key 'testcase' is missing"),
        ("testcase: x\n---\ntestcase: y\nlop: 3", "document 2: unknown key 'lop'; did you mean loop?"),
        ("testcase: x\nloop: many", "document 1: --loop needs how many loops"),
        ("testcase: x\nPLATFORM: SPR", "PLATFORM is an option of CMake"),
        ("testcase: x\nsync: skip", "would let two documents disturb each other"),
        ("testcase: x\nsync: soon", "sync must be wait or a time such as 30s, 5m or 1h, got 'soon'"),
        ("testcase: x\ncontinue: 1", "continue must be true or false, got 1"),
        ("testcase: x\nSTEPS: {a: 1}", "STEPS: expected a value"),
        ("testcase: x\nloop: 1\nloop: 2", "line 3: key 'loop' stands here twice"),
        ("testcase: [", "plan.yaml, line"),
    ],
)
def test_a_mistake_names_its_document(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(tmp_path, text)
    assert message in str(caught.value)
