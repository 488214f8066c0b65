"""Reads MLPerf's training log: the lines that begin with ``:::MLLOG``, whatever else stands between them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinbench.base.errors import RecordError
from pinbench.contract.mlperf import BENCHMARKS, LOG_MARK, Division


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the log."""

    line: int  # of the file, from 1 on
    time_ms: float
    key: str
    value: Any
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log whose benchmark is known."""

    path: Path
    events: tuple[Event, ...]
    benchmark: str  # a name of BENCHMARKS
    division: Division

    def values(self, key: str) -> tuple[Any, ...]:
        """Return the values of all events with `key`, in the order of the file."""
        return tuple(event.value for event in self.events if event.key == key)

    def said(self, key: str) -> str | None:
        """Return the one value of `key` as text, None where there is none."""
        values = self.values(key)
        return str(values[-1]) if values else None


def read_log(path: Path) -> Log:
    """Return the log that `path` holds.

    Raises:
        RecordError: the file cannot be read, a line is no event, or the benchmark is none that we know.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    events = tuple(
        _event(path, number, line.partition(LOG_MARK)[2])
        for number, line in enumerate(text.splitlines(), 1)
        if LOG_MARK in line
    )
    if not events:
        raise RecordError(f"{path} is no MLPerf log: no line begins with {LOG_MARK.strip()}")
    benchmark = _only(path, events, "submission_benchmark", tuple(BENCHMARKS))
    division = _only(path, events, "submission_division", tuple(Division))
    return Log(path=path, events=events, benchmark=benchmark, division=Division(division))


def _event(path: Path, number: int, text: str) -> Event:
    try:
        data = json.loads(text)
        time_ms = float(data["time_ms"])
        event = Event(line=number, time_ms=time_ms, key=data["key"], value=data["value"], metadata=data["metadata"])
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path}: line {number} is no event of MLPerf's log: {error}") from error
    if not isinstance(event.key, str) or not isinstance(event.metadata, Mapping) or not math.isfinite(time_ms):
        raise RecordError(f"{path}: line {number} is no event of MLPerf's log: its key, metadata or time cannot be")
    return event


def _only(path: Path, events: Sequence[Event], key: str, legal: Sequence[str]) -> str:
    values = [event.value for event in events if event.key == key]
    if len(values) != 1 or values[0] not in legal:
        raise RecordError(
            f"{path}: {key} must stand there once, as one of {', '.join(legal)}; found {values or 'none'}"
        )
    return str(values[0])
