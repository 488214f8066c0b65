"""The program that builds images on this host: docker, podman or buildah, chosen or found."""

import shutil
from pathlib import Path

from pinbench.base.errors import LaunchError, UsageError
from pinbench.harness.image.command import TOOLS
from pinbench.harness.launch.process import run_tool

VARIABLE = "CONTAINER_ENGINE"
_LIMIT_S = 60.0


def find_tool(chosen: str) -> str:
    """Return the program that `chosen` names, or the first of docker, podman and buildah that works.

    Raises:
        UsageError: `chosen` is none of the three, or is not there.
        LaunchError: none works; says of each why.
    """
    if chosen:
        require_known(chosen)
        if shutil.which(chosen) is None:
            raise UsageError(f"container engine {chosen}: no such program; leave it out to take one that is there")
    complaints = []
    for program in (chosen,) if chosen else TOOLS:
        complaint = _complaint(program)
        if complaint is None:
            return program
        complaints.append(complaint)
    raise LaunchError(f"no container engine works here: {'; '.join(complaints)}; install podman or another of them")


def named_tool(chosen: str) -> str:
    """Return what a command would begin with, whether or not it works here.

    Raises:
        UsageError: `chosen` is none of the three.
    """
    if chosen:
        require_known(chosen)
        return chosen
    return next((program for program in TOOLS if shutil.which(program)), TOOLS[0])


def require_known(chosen: str) -> None:
    """Return if `chosen` is docker, podman or buildah, or a path to one.

    Raises:
        UsageError: it is something else.
    """
    if Path(chosen).name not in TOOLS:
        raise UsageError(f"container engine {chosen} is not known; there are: {', '.join(TOOLS)}")


def size_of(program: str, image: str) -> str | None:
    """Return the size of `image` as the tool spells it, None where it does not tell."""
    answer = run_tool([program, "images", "--format", "{{.Size}}", image], timeout_s=_LIMIT_S)
    lines = answer.stdout.split("\n")
    return lines[0] if answer.returncode == 0 and lines[0] else None


def _complaint(program: str) -> str | None:
    """Return why `program` does not work, None when it does; of docker the server must answer, too."""
    if shutil.which(program) is None:
        return f"{program} is not on PATH"
    answer = run_tool([program, "info"] if Path(program).name == "docker" else [program, "version"], timeout_s=_LIMIT_S)
    if answer.returncode == 0:
        return None
    lines = (answer.stderr or answer.stdout).strip().splitlines() or [f"exit code {answer.returncode}"]
    return f"{program} does not work: {lines[-1].strip()}"
