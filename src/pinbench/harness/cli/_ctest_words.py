"""The words of ``ctest.sh``: which are ours, and which go to ctest as they are.

ctest's own options are those of ctest(1) 3.20 and later; like ours they may be written ``--name value`` or
``--name=value``.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.harness.case.nearest import hint

_NATIVE_FLAGS = frozenset({
    "-V", "--verbose", "-VV", "--extra-verbose", "--debug", "--progress", "--output-on-failure",
    "--stop-on-failure", "-F", "-Q", "--quiet", "-N", "--show-only", "-U", "--union", "--rerun-failed",
    "--schedule-random", "--version", "--print-labels", "--no-label-summary", "--no-subproject-summary",
})  # fmt: skip
_NATIVE_WITH_VALUE = frozenset({
    "-O", "--output-log", "--output-junit", "-L", "--label-regex", "-R", "--tests-regex", "-E", "--exclude-regex",
    "-LE", "--label-exclude", "-FA", "--fixture-exclude-any", "-FS", "--fixture-exclude-setup", "-FC",
    "--fixture-exclude-cleanup", "--repeat", "--repeat-until-fail", "--max-width", "-I", "--tests-information",
    "--timeout", "--stop-time", "--test-load", "--resource-spec-file", "--tests-from-file", "--exclude-from-file",
    "--schedule-random-seed", "--test-output-size-passed", "--test-output-size-failed", "--test-output-truncation",
    "-C", "--build-config",
})  # fmt: skip
_NATIVE_EQUALS = frozenset({"--show-only", "--no-tests"})  # ctest knows a value of these with '=' only
_NATIVE_COUNT = frozenset({"-j", "--parallel"})  # the number may be left out
_OWN = (
    "--set", "--sweep", "--config", "--test-config", "--testcase", "--run", "--dry-run", "--describe-params", "--help",
    "-h", "--status", "--stop", "--check-docker-image", "--push-docker-image",
)  # fmt: skip

# WSF's value sequences: '1 2 4', '1 2 3 ...8', '|200', '8000|', 'A=1/B=2'.
_SEQUENCE = re.compile(r"\s|\.\.\.|^\||\|$|/[A-Z][A-Z0-9_]*=")
_PATH = re.compile(r"(\.{0,2}|~)/")
_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)=(.*)", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Words:
    """What the user wants, sorted out."""

    native: list[str] = field(default_factory=list)  # for ctest, in the user's order
    pattern: str | None = None  # the regular expression of -R, --tests-regex, --testcase
    settings: list[str] = field(default_factory=list)
    sweep: list[str] = field(default_factory=list)  # NAME=VALUE,VALUE
    config: Path | None = None
    runs: int | None = None
    dry_run: bool = False
    describe: bool = False
    help: bool = False
    container_action: tuple[str, str] | None = None  # an option of _CONTAINERS and its value, empty where it has none


def parse_words(argv: Sequence[str]) -> Words:
    """Return `argv`, the words after ``ctest.sh``, sorted into ours and ctest's.

    Raises:
        UsageError: an option is unknown (names the nearest) or its value is missing or wrong.
    """
    words = Words()
    rest = deque(argv)
    while rest:
        word = rest.popleft()
        name, equals, value = word.partition("=")
        given = value if equals else None
        if name in _OWN:
            _take_own(words, name, given, rest)
        elif name in _NATIVE_WITH_VALUE:
            _take_valued(words, name, _value(name, given, rest))
        elif word in _NATIVE_FLAGS or (equals and name in _NATIVE_EQUALS):
            words.native.append(word)
        elif name in _NATIVE_COUNT or re.fullmatch(r"-j\d+", word):
            _take_count(words, name, given, rest)
        else:
            raise UsageError(_unknown(word, name))
    return words


def _take_own(words: Words, name: str, given: str | None, rest: deque[str]) -> None:
    if name in _CONTAINERS:
        words.container_action = (name, given or "")
        return
    flag = _OWN_FLAGS.get(name)
    if flag is None:
        _OWN_WITH_VALUE[name](words, _value(name, given, rest))
    elif given is not None:
        raise UsageError(f"{name} takes no value, got {given!r}")
    else:
        setattr(words, flag, True)


def _take_valued(words: Words, name: str, value: str) -> None:
    if name in ("-R", "--tests-regex"):
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
    known = [*_OWN, *_NATIVE_FLAGS, *_NATIVE_WITH_VALUE, *_NATIVE_EQUALS, *_NATIVE_COUNT]
    return f"unknown option {name}{hint(name, known) or '; --help lists them'}"


def _set(words: Words, value: str) -> None:
    match = _SETTING.fullmatch(value)
    if match is None:
        raise UsageError(f"--set {value!r} is not NAME=VALUE")
    if _SEQUENCE.search(match[2]) and not _PATH.match(match[2]):
        raise UsageError(f"--set {value!r}: a sequence of values is not supported; give one value, or all by --sweep")
    words.settings.append(value)


def _sweep(words: Words, value: str) -> None:
    words.sweep.append(value)


def _config(words: Words, value: str) -> None:
    if not Path(value).is_file():
        raise UsageError(f"--config {value}: no such file")
    words.config = Path(value).absolute()


def _testcase(words: Words, value: str) -> None:
    _take_valued(words, "-R", f"^{value}$")


def _run(words: Words, value: str) -> None:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", value):
        raise UsageError(f"--run needs how often each case runs, at least 1, got {value!r}")
    words.runs = int(value)


_CONTAINERS = ("--status", "--stop", "--check-docker-image", "--push-docker-image")  # a value needs its '='
_OWN_FLAGS = {"--dry-run": "dry_run", "--describe-params": "describe", "--help": "help", "-h": "help"}
_OWN_WITH_VALUE: Mapping[str, Callable[[Words, str], None]] = {
    "--set": _set, "--sweep": _sweep, "--config": _config, "--test-config": _config, "--testcase": _testcase,
    "--run": _run,
}  # fmt: skip
