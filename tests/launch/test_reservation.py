import os
import subprocess
import sys
from pathlib import Path

import pytest

from pinbench.base.errors import LaunchError
from pinbench.contract.host import Cpu, Topology
from pinbench.harness.launch.reservation import reserve_cpus

FIRST = 7_000_000 + 100 * (os.getpid() % 10_000)  # CPUs that no host has: a real run must not be in our way
SOURCE = str(Path(__file__).parents[2] / "src")


def make_topology() -> Topology:
    """Two cores with two siblings each: FIRST and FIRST + 2, FIRST + 1 and FIRST + 3."""
    cpus = tuple(Cpu(id=FIRST + i, core=FIRST + i % 2, socket=0, node=0, l3=FIRST) for i in range(4))
    return Topology(cpus=cpus, nodes=())


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def reserve(cpus: list[int], said: list[str], clock: Clock, timeout_s: float = 10.0) -> None:
    with reserve_cpus(make_topology(), cpus, timeout_s=timeout_s, on_wait=said.append, clock=clock, sleep=clock.sleep):
        pass


def test_a_second_run_waits_says_so_once_and_gives_up_with_the_owner_named() -> None:
    said: list[str] = []
    clock = Clock()
    with (
        reserve_cpus(make_topology(), [FIRST, FIRST + 1], timeout_s=0, on_wait=said.append),
        pytest.raises(LaunchError, match=rf"another pinbench run \(pid {os.getpid()}\) holds cpu {FIRST} after 10 s"),
    ):
        reserve([FIRST], said, clock)
    assert said == [f"cpus {FIRST}: another pinbench run (pid {os.getpid()}) holds cpu {FIRST}; waiting up to 10 s"]
    assert clock.now >= 110


def test_a_sibling_of_a_reserved_cpu_is_reserved_too() -> None:
    with (
        reserve_cpus(make_topology(), [FIRST], timeout_s=0, on_wait=print),
        pytest.raises(LaunchError, match=f"holds cpu {FIRST}"),
    ):
        reserve([FIRST + 2], [], Clock(), timeout_s=0)


def test_other_cores_are_free() -> None:
    said: list[str] = []
    with reserve_cpus(make_topology(), [FIRST], timeout_s=0, on_wait=said.append):
        reserve([FIRST + 1], said, Clock())
    assert said == []


def test_a_reservation_ends_with_its_block() -> None:
    said: list[str] = []
    reserve([FIRST, FIRST + 1], said, Clock())
    reserve([FIRST, FIRST + 1], said, Clock())
    assert said == []


def test_a_run_that_cannot_have_all_holds_none_meanwhile() -> None:
    free: list[bool] = []

    def look(_: float) -> None:
        reserve([FIRST], [], Clock(), timeout_s=0)
        free.append(True)

    clock = iter([0.0, 0.0, 9.0])
    with (
        reserve_cpus(make_topology(), [FIRST + 1], timeout_s=0, on_wait=print),
        pytest.raises(LaunchError, match=f"holds cpu {FIRST + 1}"),
        reserve_cpus(
            make_topology(),
            [FIRST, FIRST + 1],
            timeout_s=5,
            on_wait=lambda _: None,
            clock=lambda: next(clock),
            sleep=look,
        ),
    ):
        raise AssertionError("both were reserved")
    assert free == [True]


def test_the_wait_ends_when_the_other_process_dies() -> None:
    code = (
        "import sys, socket; s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + sys.argv[1]); s.listen()\n"
        "print(flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, f"pinbench-cpu-{FIRST}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    said: list[str] = []

    def kill(_: float) -> None:
        other.kill()
        other.wait()

    with reserve_cpus(make_topology(), [FIRST], timeout_s=10, on_wait=said.append, sleep=kill):
        pass
    assert len(said) == 1
    assert f"(pid {other.pid})" in said[0]
    other.communicate()
