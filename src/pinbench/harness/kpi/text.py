"""The KPI block as text, both ways: the one home of its wording.

    #================================================
    #Workload Configuration
    ##NAME: value
    #Application Configuration
    ##NAME: value
    #Metrics
    Name (unit): value # note
    #Key KPI
    *Name (unit): value

What was not measured has no line. A block without a number has no line with an asterisk; it ends in
``# status: failed`` and ``# reason: ...``.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pinbench.base.errors import KpiError
from pinbench.contract.case import Scalar
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import Status

_BANNER = "#" + "=" * 48
_WORKLOAD, _APPLICATION, _METRICS, _KEY = (
    "Workload Configuration",
    "Application Configuration",
    "Metrics",
    "Key KPI",
)
_MIN_DECIMALS = 2
_NOTE = " # "  # WSF shows what follows it as a tooltip
_STATUS_LINES = {f"# status: {status}": status for status in Status}
_INTEGER = re.compile(r"-?[0-9]+")
# With a sign an exponent may follow: awk and C write 1.25e+06, a commit such as 27e2990 is a text.
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?[eE][+-][0-9]+|-?[0-9]+\.[0-9]+")
_KPI = re.compile(r"(?P<star>\*?)(?P<name>[^\s*#:(][^#:(]*?)(?: \((?P<unit>[^()]+)\))?: (?P<value>.*)")
_FIELD = re.compile(r"##\s*(?P<name>[^\s:]+): (?P<value>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is printed of one iteration."""

    workload: Mapping[str, Scalar] = field(default_factory=dict)
    application: Mapping[str, Scalar] = field(default_factory=dict)
    kpis: tuple[Kpi, ...] = ()  # the primary one included; empty when there is no number
    status: Status = Status.PASSED
    reason: str | None = None  # why there is no number


def format_block(block: Block) -> str:
    """Return `block` as text; the inverse of `parse_block`."""
    metrics = [format_kpi(kpi) for kpi in block.kpis if not kpi.primary]
    sections = [
        (_WORKLOAD, [f"##{name}: {format_value(value)}" for name, value in block.workload.items()]),
        (_APPLICATION, [f"##{name}: {format_value(value)}" for name, value in block.application.items()]),
        (_METRICS, metrics),
        (_KEY, [format_kpi(kpi) for kpi in block.kpis if kpi.primary]),
    ]
    lines = [line for title, content in sections if content for line in (_BANNER, f"#{title}", _BANNER, *content)]
    if block.status is not Status.PASSED:
        lines.append(f"# status: {block.status}")
    if block.reason is not None:
        lines.append(f"# reason: {format_value(block.reason)}")
    return "\n".join(lines) + "\n"


def parse_block(text: str) -> Block:
    """Return what `format_block` wrote, but for the KPIs' direction, which is not in the text.

    Raises:
        KpiError: a line is none of the block's.
    """
    fields: dict[str, dict[str, Scalar]] = {_WORKLOAD: {}, _APPLICATION: {}}
    kpis: list[Kpi] = []
    status, reason = Status.PASSED, None
    for section, line in _lines(text):
        if line in _STATUS_LINES:
            status = _STATUS_LINES[line]
        elif line.startswith("# reason: "):
            reason = str(parse_value(line.removeprefix("# reason: ")))
        elif (match := _FIELD.fullmatch(line)) is not None and section in fields:
            fields[section][match["name"]] = parse_value(match["value"])
        else:
            kpis.append(parse_kpi(line))
    return Block(
        workload=fields[_WORKLOAD], application=fields[_APPLICATION], kpis=tuple(kpis), status=status, reason=reason
    )


def format_kpi(kpi: Kpi) -> str:
    """Return `kpi` as a line; the inverse of `parse_kpi`.

    Raises:
        KpiError: the value is not a number (NaN, infinite).
    """
    unit = f" ({kpi.unit})" if kpi.unit else ""
    note = f"{_NOTE}{kpi.note}" if kpi.note else ""
    return f"{'*' if kpi.primary else ''}{kpi.name}{unit}: {format_value(kpi.value)}{note}"


def parse_kpi(line: str) -> Kpi:
    """Return the KPI that a line holds.

    Raises:
        KpiError: the line is not of the form ``name (unit): value # note``.
    """
    match = _KPI.fullmatch(line)
    if match is None:
        raise KpiError(f"not a KPI line: {line!r}; the form is 'Name (unit): value'")
    value, note = _split_note(match["value"])
    return Kpi(
        name=match["name"], value=parse_value(value), unit=match["unit"] or "", primary=bool(match["star"]), note=note
    )


def format_value(value: Scalar) -> str:
    """Return a value as text: a number without an exponent, text as it is where that can be read back.

    Raises:
        KpiError: the value is NaN or infinite.
    """
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value)
    if isinstance(value, bool | int):
        return str(value)
    number = Decimal(repr(value))
    if not number.is_finite():
        raise KpiError(f"not a number: {value}")
    digits = f"{number:f}"
    decimals = len(digits.partition(".")[2])
    return digits if decimals >= _MIN_DECIMALS else f"{number:.{_MIN_DECIMALS}f}"


def parse_value(text: str) -> Scalar:
    """Return the value that `format_value` wrote."""
    if text in ("True", "False"):
        return text == "True"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return str(json.loads(text)) if text.startswith('"') else text


def _is_plain(text: str) -> bool:
    """Whether `text` on a line of its own reads back as itself: not as a number, a note or two lines."""
    readable = text.isprintable() and text == text.strip() and text != ""
    return readable and not text.startswith(('"', "#")) and _NOTE.strip() not in text and parse_value(text) == text


def _split_note(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        _, end = json.JSONDecoder().raw_decode(text)
        return text[:end], text[end:].removeprefix(_NOTE)
    value, _, note = text.partition(_NOTE)
    return value, note


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line that says something, with the title of its section."""
    section = ""
    for line in text.split("\n"):
        if line.lstrip("#") in (_WORKLOAD, _APPLICATION, _METRICS, _KEY):
            section = line.lstrip("#")
        elif line not in ("", _BANNER):
            yield section, line
