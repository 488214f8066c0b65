"""A call of ctest.sh that has been checked to its end: which cases run, how often, with which values."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Case
from pinbench.harness.case.catalog import cases
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.override import customise
from pinbench.harness.case.parameter import Kind
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.sequence import parse_axes
from pinbench.harness.case.workload import Workload
from pinbench.harness.cli import _ctest_native as native
from pinbench.harness.cli._ctest_selection import require_selection
from pinbench.harness.cli._ctest_sweep import make_sweep
from pinbench.harness.cli._ctest_turns import Round, Turn, make_rounds
from pinbench.harness.cli._ctest_words import Words
from pinbench.harness.host.topology import read_topology
from pinbench.harness.launch.process import run_tool
from pinbench.harness.plan.share import share_of

_LIST_LIMIT_S = 60.0
_WHOLE = (Kind.PATH, Kind.TEXT)  # their values may hold spaces and slashes

# Of the user's environment with --noenv: what programs need to be found and to be shown, and the ways to networks.
_KEPT = frozenset({
    "HOME", "PATH", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH",
    "XDG_CACHE_HOME", "XDG_STATE_HOME", "PINBENCH_PYTHON", "PINBENCH_TORCH_INDEX", "http_proxy", "https_proxy",
    "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
})  # fmt: skip
# What ctest.sh hands over to `pinbench run`; an outer ctest.sh may have done so to somebody else.
HANDED_OVER = frozenset({
    "PINBENCH_SET", "PINBENCH_CONFIG", "PINBENCH_RUN", "PINBENCH_DRY_RUN", "PINBENCH_COMMAND", "PINBENCH_FOLDER",
    "PINBENCH_LABEL", "PINBENCH_SHARE", "PINBENCH_ATTACH", "PINBENCH_JOURNAL",
})  # fmt: skip

# Options that ask for different rows of runs.
_EXCLUDE = (("sweep", "loops"), ("sweep", "burst"), ("sweep", "until"), ("until", "loops"), ("until", "burst"))
_NAMES = {"sweep": "--sweep", "loops": "--loop", "burst": "--burst", "until": "--until"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call works: what ctest.sh found out before it handed over."""

    door: str  # how the user called ctest.sh
    build: Path
    ctest: str
    workloads: tuple[Workload, ...]
    platform: Platform
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to run."""

    place: Place
    words: Words
    typed: tuple[str, ...]  # the user's command line
    cases: tuple[str, ...]  # names of tests, as ctest chooses them
    rounds: tuple[Round, ...]
    left_out: tuple[str, ...] = field(default=())  # of a sweep: what cannot be, and why

    @property
    def is_single(self) -> bool:
        """Whether ctest runs once, as the user's words say, and nothing is to be done when it has ended."""
        words = self.words
        several = len(self.rounds) > 1 or len(self.rounds[0]) > 1 or self.rounds[0][0].label
        return not (several or words.until or words.compare or words.resume or words.sweep)

    @property
    def identity(self) -> str:
        """The same text for the same work: a call can take up what an earlier one has left."""
        words = self.words
        parameters = {name for workload in self.place.workloads for name in workload.spellings}
        work = {
            "cases": self.cases,
            "rounds": [[(turn.label, turn.settings, turn.cases, turn.share) for turn in one] for one in self.rounds],
            "config": words.config.read_text(encoding="utf-8", errors="replace") if words.config else None,
            "runs": words.runs or 1,
            "until": repr(words.until),
            "environment": sorted((name, self.place.environment.get(name)) for name in parameters),
        }
        return hashlib.sha256(json.dumps(work).encode()).hexdigest()[:12]


def user_environment(environment: Mapping[str, str], *, noenv: bool) -> dict[str, str]:
    """Return `environment` without what an outer ctest.sh may have handed over; with `noenv` little is left of it."""
    return {
        name: value for name, value in environment.items() if name not in HANDED_OVER and (name in _KEPT or not noenv)
    }


def make_call(place: Place, words: Words, typed: Sequence[str]) -> Call:
    """Return the call that `words` ask for.

    Raises:
        UsageError: something in them is wrong, or would be found wrong by a run; nothing has been started.
        PlanError: a burst has more members than this host has cores.
    """
    _require_fitting(words)
    if words.pattern is not None:
        require_selection(words.pattern, place.workloads, place.platform)
    if words.sweep:
        if found := native.choosers(words.native):
            raise UsageError(f"--sweep chooses its cases by -R or --testcase alone; leave out {found[0]}")
        work = make_sweep(words, place.workloads, place.platform, place.environment)
        names = tuple(dict.fromkeys(point.name for point in work.points))
        return Call(
            place=place, words=words, typed=tuple(typed), cases=names, rounds=work.rounds(words.runs or 1),
            left_out=work.left_out,
        )  # fmt: skip
    axes = [parse_axes(text, "--set", lambda name: is_whole(name, place.workloads)) for text in words.settings]
    loops = words.until.most if words.until else words.loops
    rounds = make_rounds(axes, loops, words.burst)
    if words.burst:
        share_of(read_topology(), 1, words.burst)
    chosen = selected(place, words)
    _check_values(place, words, chosen, {turn.settings for turns in rounds for turn in turns})
    return Call(place=place, words=words, typed=tuple(typed), cases=tuple(chosen), rounds=rounds)


def ctest_command(place: Place, words: Sequence[str], folder: Path | None = None) -> list[str]:
    """Return the command line of ctest with `words`; a choice that selects nothing is an error there too."""
    chosen = any(word.startswith("--no-tests=") for word in words)
    return [place.ctest, "--test-dir", str(folder or place.build), *([] if chosen else ["--no-tests=error"]), *words]


def handover(call: Call, turn: Turn, journal: Path | None) -> dict[str, str]:
    """Return the variables by which `pinbench run`, a grandchild behind ctest, gets what ctest does not know.

    The folder is where the user typed the command: relative paths among the parameters start there, and ctest leaves
    it.
    """
    words = call.words
    runs = None if words.sweep else words.runs  # of a sweep they are rounds, not iterations
    given = {
        "PINBENCH_SET": json.dumps(turn.settings) if turn.settings else None,
        "PINBENCH_CONFIG": str(words.config) if words.config else None,
        "PINBENCH_RUN": str(runs) if runs else None,
        "PINBENCH_DRY_RUN": "1" if words.dry_run else None,
        "PINBENCH_ATTACH": json.dumps([str(path) for path in words.attach]) if words.attach else None,
        "PINBENCH_LABEL": turn.label or None,
        "PINBENCH_SHARE": None if turn.share is None else f"{turn.share[0]}/{turn.share[1]}",
        "PINBENCH_JOURNAL": str(journal) if journal and not words.dry_run else None,
        "PINBENCH_COMMAND": json.dumps(call.typed),
        "PINBENCH_FOLDER": str(Path.cwd()),
    }
    return {name: value for name, value in given.items() if value is not None}


def selected(place: Place, words: Words) -> dict[str, tuple[Workload, Case]]:
    """Return the tests that ctest chooses by `words`, in its order.

    Raises:
        UsageError: ctest does not understand them, or chooses nothing.
    """
    command = ctest_command(place, [*words.native, "--show-only=json-v1"])
    listed = run_tool(command, timeout_s=_LIST_LIMIT_S, env=place.environment)
    try:
        names = [test["name"] for test in json.loads(listed.stdout)["tests"]]
    except json.JSONDecodeError as error:
        complaint = " ".join((listed.stderr or listed.stdout).split())
        raise UsageError(f"ctest does not list the cases: {complaint or f'exit code {listed.returncode}'}") from error
    if not names and "--no-tests=ignore" not in words.native:
        raise UsageError(f"{' '.join(words.native)} chooses no case; -N without it lists them")
    known = {TEST_PREFIX + case.name: (load, case) for load in place.workloads for case in cases(load, place.platform)}
    return {name: known[name] for name in names if name in known}


def is_whole(name: str, workloads: Sequence[Workload]) -> bool:
    """Return whether the values of the parameter `name` are taken as they stand: paths and texts."""
    bare = name.rpartition("__")[2]
    return any(
        bare in workload.spellings and workload.parameters[workload.spellings[bare]].kind in _WHOLE
        for workload in workloads
    )


def _require_fitting(words: Words) -> None:
    given = {name for name in _NAMES if getattr(words, name)}
    for one, other in _EXCLUDE:
        if given >= {one, other}:
            rounds = "; --run N gives a sweep N rounds" if one == "sweep" else ""
            raise UsageError(f"{_NAMES[one]} and {_NAMES[other]} exclude each other{rounds}")
    if not words.sweep and (words.zip or words.repeat_best):
        raise UsageError(f"{'--zip' if words.zip else '--repeat-best'} is for --sweep alone")
    if words.dry_run and (words.compare or words.resume or words.detached):
        option = "--compare" if words.compare else "--resume" if words.resume else f"--{words.detached}"
        raise UsageError(f"--dry-run starts nothing: leave out {option}")


def _check_values(
    place: Place, words: Words, chosen: Mapping[str, tuple[Workload, Case]], settings: Collection[tuple[str, ...]]
) -> None:
    """Refuse now what the run of a case would refuse, maybe hours later."""
    for values in sorted(settings):
        for name, (workload, case) in chosen.items():
            try:
                customise(
                    workload, case, environment=place.environment, config=words.config, assignments=values,
                    directory=Path.cwd(),
                )  # fmt: skip
            except HostError:
                continue  # its run says so, and is skipped
            except UsageError as error:
                only = "" if len(chosen) == 1 else f"; that is for {name}, other cases may be chosen by -R"
                raise UsageError(f"{error}{only}") from error
