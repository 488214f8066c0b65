"""The options of ctest itself, ctest(1) 3.20 and later: which are known, which choose cases, which name a file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

FLAGS = frozenset({
    "-V", "--verbose", "-VV", "--extra-verbose", "--debug", "--progress", "--output-on-failure",
    "--stop-on-failure", "-F", "-Q", "--quiet", "-N", "--show-only", "-U", "--union", "--rerun-failed",
    "--schedule-random", "--version", "--print-labels", "--no-label-summary", "--no-subproject-summary",
})  # fmt: skip
WITH_VALUE = frozenset({
    "-O", "--output-log", "--output-junit", "-L", "--label-regex", "-R", "--tests-regex", "-E", "--exclude-regex",
    "-LE", "--label-exclude", "-FA", "--fixture-exclude-any", "-FS", "--fixture-exclude-setup", "-FC",
    "--fixture-exclude-cleanup", "--repeat", "--repeat-until-fail", "--max-width", "-I", "--tests-information",
    "--timeout", "--stop-time", "--test-load", "--resource-spec-file", "--tests-from-file", "--exclude-from-file",
    "--schedule-random-seed", "--test-output-size-passed", "--test-output-size-failed", "--test-output-truncation",
    "-C", "--build-config",
})  # fmt: skip
EQUALS = frozenset({"--show-only", "--no-tests"})  # ctest knows a value of these with '=' only
COUNT = frozenset({"-j", "--parallel"})  # the number may be left out
PATTERN = frozenset({"-R", "--tests-regex"})
LISTING = frozenset({"-N", "--show-only", "--print-labels", "--version"})

_CHOOSERS = PATTERN | {
    "-L", "--label-regex", "-E", "--exclude-regex", "-LE", "--label-exclude", "-I", "--tests-information",
    "--rerun-failed", "-N", "--show-only", "--tests-from-file", "--exclude-from-file", "-U", "--union",
}  # fmt: skip
_FILES = {"-O", "--output-log", "--output-junit"}


def names(native: Sequence[str]) -> list[str]:
    """Return the names of the options among `native`, in their order."""
    return [group[0].partition("=")[0] for group in _groups(native)]


def choosers(native: Sequence[str]) -> list[str]:
    """Return the options among `native`, beside -R, that choose among the cases."""
    return sorted({name for name in names(native) if name in _CHOOSERS - PATTERN})


def only(native: Sequence[str], cases: Sequence[str]) -> list[str]:
    """Return `native` with exactly the tests `cases` chosen."""
    kept = [word for group in _groups(native) if group[0].partition("=")[0] not in _CHOOSERS for word in group]
    return [*kept, "-R", f"^({'|'.join(cases)})$"]


def with_own_files(native: Sequence[str], label: str) -> list[str]:
    """Return `native` with `label` in the names of the files that ctest writes: the next ctest would replace them."""
    changed = []
    for group in _groups(native):
        if group[0] in _FILES:
            path = Path(group[1])
            group = [group[0], str(path.with_name(f"{path.stem}-{label}{path.suffix}"))]
        changed += group
    return changed


def _groups(native: Sequence[str]) -> Iterator[list[str]]:
    """Yield each option with its value, if it has one."""
    rest = list(native)
    while rest:
        name = rest.pop(0)
        counted = name in COUNT and rest and rest[0].isdecimal()
        yield [name, rest.pop(0)] if name in WITH_VALUE or counted else [name]
