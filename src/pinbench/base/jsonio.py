"""JSON files and the frozen dataclasses that they hold, both ways."""

import dataclasses
import json
import os
import tempfile
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pinbench.base.errors import RecordError

T = TypeVar("T")


def to_jsonable(value: Any) -> Any:
    """Return `value` (dataclasses, enums, tuples, paths) as what `json` can write."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, tuple) and set(map(type, value)) <= {int}:
        return list(value)  # step times: up to a million of them, too many for one call each
    if isinstance(value, list | tuple | set | frozenset):
        return [to_jsonable(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def from_jsonable(kind: type[T], data: Any, where: str = "") -> T:
    """Return `data`, as read from JSON, as a value of `kind`; the inverse of `to_jsonable`.

    Raises:
        RecordError: `data` lacks a field, has an unknown one, or one of another type; names the place.
    """
    value: T = _convert(kind, data, where or kind.__name__)
    return value


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path`, one line a field, so that a reader sees the old file or the whole new one, never a part.

    Raises:
        RecordError: the file cannot be written (read-only directory, full disk).
    """
    write_text(path, _layout(to_jsonable(value), "") + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` by a temporary file, fsync and rename.

    Raises:
        RecordError: the file cannot be written (read-only directory, full disk).
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = file.name
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise RecordError(f"cannot write {path}: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        RecordError: the file is absent, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error


def _layout(value: Any, indent: str) -> str:
    """Lay out objects and lists of such over lines, lists of numbers on one.

    `json.dumps` with an indent would spread a million step times over as many lines, in Python, for seconds.
    """
    inner = f"{indent} "
    if isinstance(value, dict) and value:
        fields = [f"{inner}{json.dumps(key)}: {_layout(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(fields) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        items = [f"{inner}{_layout(item, inner)}" for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    return json.dumps(value)


def _convert(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    if get_origin(kind) in (Union, types.UnionType):
        return _convert_union(get_args(kind), data, where)
    if dataclasses.is_dataclass(kind):
        return _convert_dataclass(kind, data, where)
    if get_origin(kind) is not None:
        return _convert_container(kind, data, where)
    return _convert_scalar(kind, data, where)


def _convert_union(kinds: Sequence[Any], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    choices = [kind for kind in kinds if kind is not type(None)]
    exact = [kind for kind in choices if type(data) is kind]
    for kind in exact or choices[:-1]:
        try:
            return _convert(kind, data, where)
        except RecordError:
            continue
    return _convert(choices[-1], data, where)


def _convert_dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise RecordError(f"{where}: expected an object, got {type(data).__name__}")
    hints, required = _fields(kind)
    if unknown := sorted(data.keys() - hints.keys()):
        raise RecordError(f"{where}: unknown field {unknown[0]!r}")
    if missing := [name for name in required if name not in data]:
        raise RecordError(f"{where}: field {missing[0]!r} is missing")
    return kind(**{name: _convert(hints[name], item, f"{where}.{name}") for name, item in data.items()})


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the type of each field of a dataclass, and the names of those without a default.

    Remembered: to find out takes longer than to convert a record, and a listing reads hundreds.
    """
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    required = tuple(
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    return {field.name: hints[field.name] for field in fields}, required


def _convert_container(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(data, list):
            raise RecordError(f"{where}: expected a list, got {type(data).__name__}")
        if arguments == (int, Ellipsis) and set(map(type, data)) <= {int}:
            return tuple(data)  # step times again
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(data))
        if len(arguments) != len(data):
            raise RecordError(f"{where}: expected {len(arguments)} values, got {len(data)}")
        pairs = zip(arguments, data, strict=True)
        return tuple(_convert(item_kind, item, f"{where}[{i}]") for i, (item_kind, item) in enumerate(pairs))
    if issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise RecordError(f"{where}: expected an object, got {type(data).__name__}")
        return {
            _convert_key(arguments[0], key, where): _convert(arguments[1], item, f"{where}.{key}")
            for key, item in data.items()
        }
    raise TypeError(f"{where}: no conversion to {kind}")


def _convert_key(kind: Any, key: str, where: str) -> Any:
    try:
        return _convert_scalar(kind, int(key) if kind is int else key, where)
    except ValueError as error:
        raise RecordError(f"{where}: the key {key!r} is not a whole number") from error


def _convert_scalar(kind: Any, data: Any, where: str) -> Any:
    if issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            legal = ", ".join(repr(item.value) for item in kind)
            raise RecordError(f"{where}: {data!r} is not one of {legal}") from error
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise RecordError(f"{where}: expected {kind.__name__}, got {type(data).__name__}")
    return data
