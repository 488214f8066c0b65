"""``ctest.sh --testset FILE``: a plan of several calls, one YAML document each, carried out in their order.

testcase: test_dummy_throughput     a name, /regex/ or !/regex/, or a list of those
loop: 3                             and: run burst config until attach continue dry-run
BATCH_SIZE: 1 2 4                   any parameter, as behind --set
sync: 30s                           wait so long before the next document; "wait", the default, not at all
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinbench.base.errors import UsageError
from pinbench.base.units import S_PER_H, S_PER_MIN
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.strict_yaml import entries, fields, read_yaml_documents, text
from pinbench.harness.cli._ctest_words import Words, parse_words

_VALUED = ("loop", "run", "burst", "config", "until", "attach", "sweep", "repeat-best", "compare")
_FLAGS = ("continue", "dry-run", "zip", "resume")
# These belong to a configured build folder, and a plan runs in one.
_OF_CMAKE = ("PLATFORM", "REGISTRY", "RELEASE", "REGISTRY_AUTH", "SPOT_INSTANCE", "BENCHMARK", "BACKEND")
_PARAMETER = re.compile(r"(?:[A-Za-z0-9_-]+__)?[A-Z][A-Z0-9_]*")
_PAUSE = re.compile(r"([0-9]{1,6})([smh])")
_UNIT_S = {"s": 1, "m": S_PER_MIN, "h": S_PER_H}


def read_testset(path: Path) -> list[tuple[Words, float]]:
    """Return what each document of `path` asks for, and the seconds to wait after it.

    Raises:
        UsageError: it is no YAML, or a document says what is not understood; names the document.
    """
    documents = read_yaml_documents(path)
    if not documents:
        raise UsageError(f"--testset {path} holds no document")
    return [_document(data, f"{path}, document {number}") for number, data in enumerate(documents, 1)]


def _document(data: Any, where: str) -> tuple[Words, float]:
    given = fields(data, where, ("testcase",), None)
    argv = _choice(given["testcase"], f"{where}: testcase")
    for key, value in given.items():
        if key not in ("testcase", "sync"):
            argv += _option(key, value, where)
    try:
        words = parse_words(argv)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    return words, _pause(given, where)


def _choice(value: Any, where: str) -> list[str]:
    wanted: list[str] = []
    unwanted: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        name = text(item, where)
        match = re.fullmatch(r"(!?)/(.+)/", name)
        pattern = f"^{name}$" if match is None else match[2]
        (unwanted if match is not None and match[1] else wanted).append(pattern)
    words = ["-R", "|".join(wanted)] if wanted else []
    return [*words, "-E", "|".join(unwanted)] if unwanted else words


def _option(key: str, value: Any, where: str) -> list[str]:
    if key in _OF_CMAKE:
        raise UsageError(f"{where}: {key} is an option of CMake; configure a folder with it, run the plan there")
    if key in _FLAGS:
        if not isinstance(value, bool):
            raise UsageError(f"{where}: {key} must be true or false, got {value!r}")
        return [f"--{key}"] if value else []
    if key in _VALUED:
        return [word for item in _texts(value, f"{where}: {key}") for word in (f"--{key}", item)]
    if _PARAMETER.fullmatch(key):
        (item,) = _texts(value, f"{where}: {key}", most=1)
        return ["--set", f"{key}={item}"]
    known = (*_VALUED, *_FLAGS, "testcase", "sync")
    raise UsageError(f"{where}: unknown key {key!r}{hint(key, known)} (known: {', '.join(known)}, and parameters)")


def _texts(value: Any, where: str, most: int | None = None) -> list[str]:
    """Return `value`, or the items of the list that it is, as words."""
    items = entries(value, where) if isinstance(value, list) and most is None else [value]
    if any(item is None or isinstance(item, list | Mapping) for item in items):
        raise UsageError(f"{where}: expected a value, got {value!r}")
    return [str(item) for item in items]


def _pause(given: Mapping[str, Any], where: str) -> float:
    asked = str(given.get("sync", "wait"))
    if asked == "wait":
        return 0.0
    if asked == "skip":
        raise UsageError(f"{where}: sync: skip would let two documents disturb each other; burst: runs several at once")
    match = _PAUSE.fullmatch(asked)
    if match is None:
        raise UsageError(f"{where}: sync must be wait or a time such as 30s, 5m or 1h, got {asked!r}")
    return float(int(match[1]) * _UNIT_S[match[2]])
