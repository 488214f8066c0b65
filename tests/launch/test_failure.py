from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinbench.base.errors import ExitCode
from pinbench.contract.plan import Instance
from pinbench.harness.launch import failure
from pinbench.harness.launch.failure import Death, InstanceError

LOG = Path("/logs/instance-003/stderr.log")


@pytest.fixture
def make_death(make_instance: Callable[..., Instance]) -> Callable[..., Death]:
    def make(*, shards: int = 4, **changes: Any) -> Death:
        facts: dict[str, Any] = {
            "instance": make_instance(shards=shards),
            "returncode": -9,
            "after_s": 41.04,
            "phase": "warm-up",
            "words": None,
            "exit_code": None,
            "oom": None,
            "tail": None,
            "log": LOG,
        }
        return Death(**(facts | changes))

    return make


def test_a_death_names_instance_signal_time_phase_and_log(make_death: Callable[..., Death]) -> None:
    fault = failure.death(make_death())
    assert fault.message == (
        "instance 3 (cpus 36-47, node 3) was killed by signal 9 (SIGKILL) after 41.0 s, during warm-up; "
        "log: /logs/instance-003/stderr.log"
    )
    assert fault.culprits == (3,)


def test_evidence_and_last_lines_are_given_where_there_are_any(make_death: Callable[..., Death]) -> None:
    message = failure.death(make_death(oom="likely out of memory", tail="a | b")).message
    assert message.endswith(
        "during warm-up; likely out of memory; last lines: a | b; log: /logs/instance-003/stderr.log"
    )


def test_the_instances_own_words_win_and_bring_their_exit_code(make_death: Callable[..., Death]) -> None:
    fault = failure.death(make_death(words="no amx here", returncode=77, exit_code=77))
    assert (fault.message, fault.exit_code) == ("instance 3 (cpus 36-47, node 3): no amx here", 77)


def test_a_lone_instance_needs_no_name_before_its_own_words(make_death: Callable[..., Death]) -> None:
    assert failure.death(make_death(shards=1, words="no amx here")).message == "no amx here"


@pytest.mark.parametrize(
    ("returncode", "expected"),
    [
        (3, "exited with code 3"),
        (0, "left early with code 0"),
        (-11, "was killed by signal 11 (SIGSEGV)"),
        (-40, "was killed by signal 40 (real-time)"),
        (None, "hangs in the kernel and cannot be killed"),
    ],
)
def test_each_ending_has_its_words(returncode: int | None, expected: str) -> None:
    assert failure.ending(returncode) == expected


def test_a_deadline_says_where_each_instance_was_and_where_the_stacks_are() -> None:
    phases = {0: "warm-up", 1: "the wait for 'start'", 2: "the wait for 'start'", 3: "the wait for 'start'"}
    fault = failure.deadline(1.5, phases, [Path("/a"), Path("/b")])
    assert fault.message == (
        "the deadline of 1.5 s passed with instance 0 in warm-up, instances 1-3 in the wait for 'start'; stacks: /a /b"
    )
    assert fault.culprits == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, ExitCode.FAILED),
        (2, ExitCode.BAD_USAGE),
        (77, ExitCode.SKIPPED),
        (0, ExitCode.FAILED),
        (-9, ExitCode.FAILED),
        (139, ExitCode.FAILED),
    ],
)
def test_only_a_known_code_of_failure_becomes_the_runs(asked: int | None, expected: ExitCode) -> None:
    assert InstanceError("m", [], asked).exit_code is expected
