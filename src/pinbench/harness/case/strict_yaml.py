"""YAML files read strictly: a key that nobody reads, or that stands there twice, is an error that names its place."""

from collections.abc import Callable, Collection, Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pinbench.base.errors import UsageError
from pinbench.harness.case.nearest import hint

try:
    from yaml import CSafeLoader as _SafeLoader  # ten times as fast; listing cases must take well under a second
except ImportError:
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class _StrictLoader(_SafeLoader):
    """Refuses a key that occurs twice; PyYAML itself lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands here twice", problem_mark=key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return the content of the YAML file `path`.

    Raises:
        UsageError: the file is absent, unreadable, not YAML, or holds a key twice; names the line.
    """
    # Bandit-style rules know yaml.load as unsafe; the loader given here is a SafeLoader.
    return _read(path, lambda text: yaml.load(text, _StrictLoader))


def read_yaml_documents(path: Path) -> list[Any]:
    """Return the documents of the YAML file `path`; those that hold nothing are left out.

    Raises:
        UsageError: as `read_yaml`.
    """
    documents: list[Any] = _read(path, lambda text: list(yaml.load_all(text, _StrictLoader)))
    return [document for document in documents if document is not None]


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a YAML text: {' '.join(str(error).split())}") from error


def fields(
    data: Any, where: str, required: Collection[str] = (), optional: Collection[str] | None = ()
) -> Mapping[str, Any]:
    """Return `data` as a mapping with all of `required` and nothing else but `optional` (None: any key).

    Raises:
        UsageError: it is no mapping, a key is missing, or one is unknown; names `where` and the nearest known key.
    """
    if not isinstance(data, Mapping):
        raise UsageError(f"{where}: expected KEY: value pairs, got {_shown(data)}")
    known = [*required, *(optional or ())]
    for key in data:
        if not isinstance(key, str):
            raise UsageError(f"{where}: key {key!r} is not a text; write it in quotes")
        if optional is not None and key not in known:
            raise UsageError(f"{where}: unknown key {key!r}{hint(key, known)} (known: {', '.join(known)})")
    for key in required:
        if key not in data:
            raise UsageError(f"{where}: key {key!r} is missing")
    return data


def truth(data: Any, where: str) -> bool:
    """Return `data` if it is true or false.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(data, bool):
        raise UsageError(f"{where}: expected true or false, got {_shown(data)}")
    return data


def text(data: Any, where: str) -> str:
    """Return `data` if it is a text.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(data, str):
        raise UsageError(f"{where}: expected a text, got {_shown(data)}")
    return data


def entries(data: Any, where: str) -> list[Any]:
    """Return `data` if it is a list.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(data, list):
        raise UsageError(f"{where}: expected a list, got {_shown(data)}")
    return data


def texts(data: Any, where: str) -> tuple[str, ...]:
    """Return `data` as a tuple if it is a list of texts.

    Raises:
        UsageError: it is something else.
    """
    return tuple(text(item, where) for item in entries(data, where))


def whole(data: Any, where: str) -> int:
    """Return `data` if it is a whole number.

    Raises:
        UsageError: it is something else.
    """
    if type(data) is not int:
        raise UsageError(f"{where}: expected a whole number, got {_shown(data)}")
    return data


def _shown(data: Any) -> str:
    return "nothing" if data is None else repr(data)
