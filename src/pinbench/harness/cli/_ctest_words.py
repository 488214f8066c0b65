"""The words of ``ctest.sh``: which are ours, and which go to ctest as they are.

Ours, like those of ctest, may be written ``--name value`` or ``--name=value``.
"""

import re
import shlex
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.harness.case.nearest import hint
from pinbench.harness.cli import _ctest_native as native
from pinbench.harness.cli._ctest_until import Until, parse_until
from pinbench.harness.record.attachments import require_attachable

_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)=(.*)", re.DOTALL)
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_STATUS_LINES = 5  # of a run's log, where --status is given no number

# Options of Intel WSF that ask for something which is not there: to ignore one would run what was not meant.
_NOT_HERE = {
    **dict.fromkeys(
        ("--prepare-sut", "--reuse-sut", "--cleanup-sut"), "cases run on this host; there is no machine to prepare"
    ),
    "--burst-align": "the members of --burst start within a second of each other; a common window of many instances "
    "is what INSTANCE_NUMBER gives",
    "--inspect-docker-image": "docker inspect shows an image",
}


@dataclass(slots=True, kw_only=True)
class Words:
    """What the user wants, sorted out."""

    native: list[str] = field(default_factory=list)  # for ctest, in the user's order
    pattern: str | None = None  # the regular expression of -R, --tests-regex, --testcase
    settings: list[str] = field(default_factory=list)  # of --set, as written
    sweep: list[str] = field(default_factory=list)  # of --sweep, as written
    zip: bool = False
    repeat_best: int | None = None
    config: Path | None = None
    testset: Path | None = None
    runs: int | None = None
    loops: int | None = None
    burst: int | None = None
    until: Until | None = None
    compare: Path | None = None
    attach: list[Path] = field(default_factory=list)
    keep_going: bool = False
    resume: bool = False
    noenv: bool = False
    detached: str | None = None  # "nohup" or "daemon"
    log: Path | None = None  # of the detached run
    status: int | None = None  # lines of each run's log
    stop: str | None = None
    reset_recent: bool = False
    container_action: tuple[str, str] | None = None  # what to do with images, and a value, empty where it has none
    dry_run: bool = False
    describe: bool = False
    help: bool = False


def parse_words(argv: Sequence[str]) -> Words:
    """Return `argv`, the words after ``ctest.sh``, sorted into ours and ctest's.

    Raises:
        UsageError: an option is unknown (names the nearest) or its value is missing or wrong.
    """
    words = Words()
    _sort(words, deque(argv))
    return words


def _sort(words: Words, rest: deque[str]) -> None:
    while rest:
        word = rest.popleft()
        name, equals, value = word.partition("=")
        given = value if equals else None
        if name in _OWN:
            _take_own(words, name, given, rest)
        elif name in native.WITH_VALUE:
            _take_valued(words, name, _value(name, given, rest))
        elif word in native.FLAGS or (equals and name in native.EQUALS):
            words.native.append(word)
        elif name in native.COUNT or re.fullmatch(r"-j\d+", word):
            _take_count(words, name, given, rest)
        else:
            raise UsageError(_unknown(word, name))


def choose(words: Words, pattern: str) -> None:
    """Let `pattern` stand where the user's own one does."""
    places = [place for place, word in enumerate(words.native) if word in native.PATTERN]
    for place in places:
        words.native[place + 1] = pattern
    words.pattern = pattern


def _take_own(words: Words, name: str, given: str | None, rest: deque[str]) -> None:
    if name in _IMAGES:
        words.container_action = (name, given or "")
    elif name in _OWN_MAYBE:
        follows = given is None and rest and not rest[0].startswith("-")
        _OWN_MAYBE[name](words, rest.popleft() if follows else given)
    elif name in _OWN_WITH_VALUE:
        _OWN_WITH_VALUE[name](words, _value(name, given, rest))
    elif given is not None:
        raise UsageError(f"{name} takes no value, got {given!r}")
    else:
        setattr(words, _OWN_FLAGS[name], True)


def _take_valued(words: Words, name: str, value: str) -> None:
    if name in native.PATTERN:
        words.pattern = value
    words.native += [name, value]


def _take_count(words: Words, name: str, given: str | None, rest: deque[str]) -> None:
    words.native.append(name)
    if given is not None:
        words.native.append(given)
    elif rest and rest[0].isdecimal():  # `ctest -j` alone is legal
        words.native.append(rest.popleft())


def _value(name: str, given: str | None, rest: deque[str]) -> str:
    if given is not None:
        return given
    if not rest:
        raise UsageError(f"{name} needs a value")
    return rest.popleft()


def _unknown(word: str, name: str) -> str:
    if not word.startswith("-"):
        return f"unexpected word {word!r}; to choose cases write -R {word!r} (--help lists the options)"
    if name in _NOT_HERE:
        return f"{name} is not there: {_NOT_HERE[name]}"
    known = [*_OWN, *native.FLAGS, *native.WITH_VALUE, *native.EQUALS, *native.COUNT]
    return f"unknown option {name}{hint(name, known) or '; --help lists them'}"


def _set(words: Words, value: str) -> None:
    if not _SETTING.fullmatch(value):
        raise UsageError(f"--set {value!r} is not NAME=VALUE")
    words.settings.append(value)


def _config(words: Words, value: str) -> None:
    words.config = _file("--config", value)


def _testset(words: Words, value: str) -> None:
    words.testset = _file("--testset", value)


def _attach(words: Words, value: str) -> None:
    for name in value.split(","):
        path = _file("--attach", name)
        require_attachable(path, words.attach)
        words.attach.append(path)


def _file(option: str, value: str) -> Path:
    if not Path(value).is_file():
        raise UsageError(f"{option} {value}: no such file")
    return Path(value).absolute()


def _compare(words: Words, value: str) -> None:
    if not Path(value).is_dir():
        raise UsageError(f"--compare {value}: no such directory")
    words.compare = Path(value).absolute()


def _testcase(words: Words, value: str) -> None:
    _take_valued(words, "-R", f"^{value}$")


def _options(words: Words, value: str) -> None:
    try:
        more = shlex.split(value)
    except ValueError as error:
        raise UsageError(f"--options {value!r}: {error}") from error
    _sort(words, deque(more))


def _until(words: Words, value: str) -> None:
    words.until = parse_until(value)


def _counted(option: str, field_name: str, what: str) -> Callable[[Words, str], None]:
    def take(words: Words, value: str) -> None:
        if not _COUNT.fullmatch(value):
            raise UsageError(f"{option} needs {what}, at least 1, got {value!r}")
        setattr(words, field_name, int(value))

    return take


def _detached(kind: str) -> Callable[[Words, str | None], None]:
    def take(words: Words, value: str | None) -> None:
        if words.detached not in (None, kind):
            raise UsageError(f"--{words.detached} and --{kind} exclude each other")
        words.detached, words.log = kind, Path(value or f"{kind}.out").absolute()

    return take


def _status(words: Words, value: str | None) -> None:
    if value is not None and not value.isdecimal():
        raise UsageError(f"--status={value} is no number of lines")
    words.status = _STATUS_LINES if value is None else int(value)


def _stop(words: Words, value: str | None) -> None:
    words.stop = value or ""


_OWN_FLAGS = {
    "--dry-run": "dry_run", "--describe-params": "describe", "--continue": "keep_going", "--resume": "resume",
    "--zip": "zip", "--noenv": "noenv", "--reset-recent": "reset_recent", "--help": "help", "-h": "help",
}  # fmt: skip
_OWN_WITH_VALUE: Mapping[str, Callable[[Words, str], None]] = {
    "--set": _set,
    "--sweep": lambda words, value: words.sweep.append(value),
    "--config": _config,
    "--test-config": _config,
    "--testcase": _testcase,
    "--testset": _testset,
    "--run": _counted("--run", "runs", "how often each case runs"),
    "--loop": _counted("--loop", "loops", "how many loops"),
    "--burst": _counted("--burst", "burst", "how many runs at the same time"),
    "--repeat-best": _counted("--repeat-best", "repeat_best", "how often the best point runs again"),
    "--until": _until,
    "--compare": _compare,
    "--attach": _attach,
    "--options": _options,
}
_OWN_MAYBE: Mapping[str, Callable[[Words, str | None], None]] = {
    "--nohup": _detached("nohup"), "--daemon": _detached("daemon"), "--status": _status, "--stop": _stop,
}  # fmt: skip
_IMAGES = ("--check-docker-image", "--push-docker-image")  # a value needs its '='
_OWN = (*_IMAGES, *_OWN_FLAGS, *_OWN_WITH_VALUE, *_OWN_MAYBE)
