"""A judged number with its unit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One line of the KPI block. `value` is text where the KPI is a fact rather than a number."""

    name: str  # as printed: "Throughput"
    value: float | str
    unit: str = ""  # as printed between brackets: "samples/sec"
    primary: bool = False  # the one line that starts with an asterisk
    higher_is_better: bool | None = None
    note: str = ""  # what the value rests on, printed behind it as a comment: "n=4000"
