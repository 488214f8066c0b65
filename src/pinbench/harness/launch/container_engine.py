"""The container engine of this host, docker or podman, and what it knows of images and containers."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinbench.base.errors import LaunchError, UsageError
from pinbench.contract.result import ContainerFacts
from pinbench.harness.launch.container_argv import list_argv, remove_argv
from pinbench.harness.launch.process import ToolResult, run_tool

ENGINES = ("docker", "podman")  # in the order in which they are looked for
_TOOL_LIMIT_S = 60.0
_GONE = ("no such container", "no container with name", "no container with id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A program that answers for an engine which works."""

    program: str
    title: str  # "podman 4.3.1"

    def ask(self, argv: Sequence[str], limit_s: float = _TOOL_LIMIT_S) -> str:
        """Run `argv` and return what it printed.

        Raises:
            LaunchError: it fails or takes too long; in the engine's own words.
        """
        answer = run_tool(argv, timeout_s=limit_s)
        if answer.returncode != 0:
            raise LaunchError(f"{argv[0]} {argv[1]}: {_words(answer)}")
        return answer.stdout

    def find_image(self, image: str) -> ContainerFacts | None:
        """Return what is known of `image`, None where it is not on this host."""
        answer = run_tool([self.program, "image", "inspect", image], timeout_s=_TOOL_LIMIT_S)
        if answer.returncode != 0:
            return None
        facts = _first(answer.stdout)
        identity = str(facts["Id"])
        digests = [str(digest) for digest in facts.get("RepoDigests") or () if not str(digest).startswith("localhost/")]
        return ContainerFacts(
            engine=self.title,
            image=image,
            image_id=identity if ":" in identity else f"sha256:{identity}",
            digest=digests[0] if digests else None,
        )

    def require_image(self, image: str, *, registry: str, pull_limit_s: float) -> ContainerFacts:
        """Return what is known of `image`, fetched from `registry` if need be.

        Raises:
            LaunchError: it is not here, and cannot be fetched.
        """
        if (facts := self.find_image(image)) is not None:
            return facts
        if not registry:
            raise LaunchError(f"{self.title} has no image {image}; build it with build.sh, or name a REGISTRY to cmake")
        self.ask([self.program, "pull", image], pull_limit_s)
        if (facts := self.find_image(image)) is None:
            raise LaunchError(f"{self.title} has fetched {image}, and does not know it")
        return facts

    def is_in_registry(self, image: str, limit_s: float) -> bool:
        """Return whether the registry that `image` names has it; nothing is fetched."""
        return run_tool([self.program, "manifest", "inspect", image], timeout_s=limit_s).returncode == 0

    def containers(self) -> tuple[tuple[str, str, str], ...]:
        """Return name, state and image of each container that runs a case, or has."""
        rows = (line.split("\t") for line in self.ask(list_argv(self.program)).splitlines() if line)
        return tuple((name, state, image) for name, state, image in rows)

    def ending(self, name: str) -> str | None:
        """Return how the container `name` ended, None while it runs."""
        answer = run_tool([self.program, "container", "inspect", name], timeout_s=_TOOL_LIMIT_S)
        if answer.returncode != 0:
            return "is gone"
        state = _first(answer.stdout)["State"]
        if state.get("Running"):
            return None
        memory = ", for want of memory (OOMKilled)" if state.get("OOMKilled") else ""
        return f"ended with code {state.get('ExitCode')}{memory}"

    def remove(self, name: str) -> None:
        """Remove the container `name`, whether it runs, has ended or never came to be.

        Raises:
            LaunchError: it stays.
        """
        answer = run_tool(remove_argv(self.program, name), timeout_s=_TOOL_LIMIT_S)
        if answer.returncode != 0 and not any(words in answer.stderr.lower() for words in _GONE):
            raise LaunchError(f"container {name} is left: {_words(answer)}; remove it: {self.program} rm -f {name}")


def find_engine(chosen: str) -> Engine:
    """Return the engine that `chosen` names, or the first of docker and podman that works here.

    Raises:
        UsageError: `chosen` is no program.
        LaunchError: there is none, or it does not work (a client of docker whose server does not run).
    """
    if chosen and shutil.which(chosen) is None:
        raise UsageError(f"CONTAINER_ENGINE={chosen}: no such program; leave it out to take docker or podman from PATH")
    complaints = []
    for program in [chosen] if chosen else ENGINES:
        if shutil.which(program) is None:
            complaints.append(f"{program} is not on PATH")
            continue
        try:
            return Engine(program=program, title=f"{Path(program).name} {_version(program)}")
        except LaunchError as error:
            complaints.append(str(error))
    raise LaunchError(f"no container engine works here: {'; '.join(complaints)}; install podman, or use BACKEND=native")


def _version(program: str) -> str:
    """Return the version of what runs containers: docker's server, podman itself."""
    answer = run_tool([program, "version", "--format", "{{json .}}"], timeout_s=_TOOL_LIMIT_S)
    if answer.returncode != 0:
        raise LaunchError(f"{program} does not work: {_words(answer)}")
    try:
        told = json.loads(answer.stdout)
        return str((told.get("Server") or told["Client"])["Version"])
    except (ValueError, KeyError, TypeError) as error:
        raise LaunchError(f"{program} version says something else than its version: {answer.stdout[:100]!r}") from error


def _first(text: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(text)
    return found[0]


def _words(answer: ToolResult) -> str:
    """Return the last line of what a tool complained of: the engines' own error."""
    lines = [line.strip() for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [f"exit code {answer.returncode}"])[-1]
