"""What a container is told, and what is taken over of what it recorded: whatever engine ran it."""

import time
from collections.abc import Callable
from pathlib import Path

from pinbench.base.errors import ExitCode, LaunchError
from pinbench.base.units import ns_to_s
from pinbench.contract.case import Case
from pinbench.contract.result import ContainerFacts, Record, Status
from pinbench.harness.backend._outcome import Outcome
from pinbench.harness.case.rule import value_text
from pinbench.harness.launch.container_session import Folders
from pinbench.harness.record.discover import RECORD, WORKER
from pinbench.harness.record.schema import read_record
from pinbench.harness.record.tunables import tunables

_INSIDE = "container"  # gets all that came out of it and has no other place
_CONSOLE = "container.log"
_BLOCK = "#===="  # its own KPI block: ours, with the image in it, follows
_STATUS = {ExitCode.PASSED: Status.PASSED, ExitCode.SKIPPED: Status.SKIPPED}


def folders_in(iteration: Path) -> Folders:
    """Return where a session of `iteration` writes; `take_over` reads there."""
    worker = iteration / WORKER
    return Folders(console=worker / _CONSOLE, work=iteration, logs=worker / _INSIDE)


def outcome(
    *,
    begin_ns: int,
    failure: str | None,
    exit_code: ExitCode,
    inside: Record | None,
    container: ContainerFacts | None,
) -> Outcome:
    """Return what came of a launch that began at `begin_ns` of the monotonic clock and has ended now."""
    return Outcome(
        status=_STATUS.get(exit_code, Status.FAILED),
        failure=failure,
        exit_code=exit_code,
        results=() if inside is None else inside.results,
        load=None if inside is None else inside.load,
        elapsed_s=ns_to_s(time.monotonic_ns() - begin_ns),
        inside=inside,
        container=container,
    )


def container_words(case: Case, platform: str) -> tuple[str, ...]:
    """Return the words for the image's entry: the case, and exactly what the user changed of it."""
    values = tunables(case)
    changes = [word for name in case.overrides for word in ("--set", f"{name}={value_text(values.get(name))}")]
    limit = ("--time-limit", value_text(case.knobs.deadline_s))
    return ("--case", case.name, "--platform", platform, *limit, "--reserved", *changes)


def without_block(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return what hands on to `say` the lines of a container, up to its KPI block."""
    is_block = False

    def tell(line: str) -> None:
        nonlocal is_block
        is_block = is_block or line.startswith(_BLOCK)
        if not is_block:
            say(f"container: {line}")

    return tell


def take_over(iteration: Path) -> Record | None:
    """Put the instances' folders where those of a native run are; return the record that came out, None without one."""
    inside = iteration / WORKER / _INSIDE / "itr-1"
    for folder in sorted((inside / WORKER).glob("instance-*")):
        folder.rename(iteration / WORKER / folder.name)
    return read_record(inside / RECORD) if (inside / RECORD).is_file() else None


def verdict(case: Case, iteration: Path, inside: Record | None) -> tuple[str | None, ExitCode]:
    """Return why the run in the container is worth nothing (None: it passed), and its exit code."""
    folder = iteration / WORKER / _INSIDE
    code = _exit_code(folder / "status")
    if inside is None:
        return _refusal(folder / "benchmark.log"), code if code is not ExitCode.PASSED else ExitCode.FAILED
    if inside.plan is not None and (other := _differences(case, inside.plan.case)):
        raise LaunchError(
            f"the image measured something else than this checkout asked for: {', '.join(other)}; build the image anew"
        )
    if inside.status is Status.PASSED:
        return (None, code) if code is ExitCode.PASSED else (f"{folder / 'status'} says {code}", code)
    return inside.failure, code if code is not ExitCode.PASSED else ExitCode.FAILED


def _refusal(log: Path) -> str:
    """Return why there was no run, in the container's words."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if lines and lines[0].startswith("pinbench: "):
        return lines[0].removeprefix("pinbench: ")
    return f"the container made no record{f'; its last line: {lines[-1]}' if lines else ''}; log: {log}"


def _exit_code(status: Path) -> ExitCode:
    text = status.read_text(encoding="utf-8").strip()
    return ExitCode(int(text)) if text in {str(int(code)) for code in ExitCode} else ExitCode.FAILED


def _differences(asked: Case, ran: Case) -> tuple[str, ...]:
    ours, theirs = tunables(asked), tunables(ran)
    names = [name for name in (*ours, *theirs) if ours.get(name) != theirs.get(name)]
    changed = tuple(f"{name}={theirs.get(name)} for {ours.get(name)}" for name in dict.fromkeys(names))
    return changed if asked.name == ran.name else (f"{ran.name} for {asked.name}", *changed)
