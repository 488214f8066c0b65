"""The listing as OpenMetrics text (version 1.0), which Prometheus reads too: every KPI a gauge, in base units.

The label `run` tells iterations apart. There are no time stamps, since the text file collector of Prometheus' node
exporter refuses them; `pinbench_run_started_timestamp_seconds` has the time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pinbench.base.units import GIGA, MEGA, MIB, MS_PER_S, PERCENT
from pinbench.contract.case import Case
from pinbench.contract.kpi import Kpi
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.summary import number

ENDING = ".prom"

# unit of a KPI: what the name of a metric ends in, and how much of it one of the KPI's units is
_UNITS = {
    "ms": ("seconds", 1 / MS_PER_S),
    "s": ("seconds", 1.0),
    "%": ("ratio", 1 / PERCENT),
    "points": ("ratio", 1 / PERCENT),
    "MiB": ("bytes", float(MIB)),
    "MiB/s": ("bytes_per_second", float(MIB)),
    "samples/sec": ("samples_per_second", 1.0),
    "pairs/sec": ("pairs_per_second", 1.0),
    "GFLOP/s": ("flop_per_second", float(GIGA)),
    "MFLOP": ("flop", float(MEGA)),
}
_QUANTILE = re.compile(r"P([0-9.]+) (.+)")
_INSTANCE = re.compile(r"(.+) of Instance ([0-9]+)")
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

Labels = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metric:
    name: str
    unit: str
    help: str
    labels: Mapping[str, str]
    value: float


def render(listing: Listing) -> str:
    """Return the listing, one family after the other as the format wants it."""
    families: dict[str, tuple[_Metric, dict[str, str]]] = {}  # the first metric of a family says its unit and help
    for entry in listing.entries:
        for metric in _metrics(listing, entry):
            labels = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in metric.labels.items())
            _, lines = families.setdefault(metric.name, (metric, {}))
            lines.setdefault(labels, f"{metric.name}{{{labels}}} {metric.value!r}")
    said = [line for metric, lines in families.values() for line in (*_head(metric), *lines.values())]
    return "\n".join([*said, "# EOF"]) + "\n"


def _head(metric: _Metric) -> Iterator[str]:
    yield f"# TYPE {metric.name} gauge"
    if metric.unit:
        yield f"# UNIT {metric.name} {metric.unit}"
    yield f"# HELP {metric.name} {metric.help.translate(_ESCAPED)}"


def _metrics(listing: Listing, entry: Entry) -> Iterator[_Metric]:
    labels = _labels(entry)
    passed = float(entry.outcome is Outcome.PASSED)
    yield _Metric(name="pinbench_run_passed", unit="", help="1 where the run has a number", labels=labels, value=passed)
    if entry.started_at is not None:
        yield _Metric(
            name="pinbench_run_started_timestamp_seconds", unit="seconds", help="when the run began", labels=labels,
            value=datetime.fromisoformat(entry.started_at).timestamp(),
        )  # fmt: skip
    for kpi in listing.kpis(entry):
        value = number(kpi)
        if value is not None:
            yield _kpi(kpi, value, labels)


def _labels(entry: Entry) -> Labels:
    labels = {"run": str(entry.path)}
    if entry.case is not None:
        labels |= {"case": f"test_{entry.case.display_name}", **_parts(entry.case)}
    return labels if entry.host is None else {**labels, "cpu": entry.host}


def _parts(case: Case) -> Labels:
    return {
        "workload": case.workload,
        "function": case.function.value,
        "mode": case.mode.value,
        "precision": case.label,
    }


def _kpi(kpi: Kpi, value: float, labels: Labels) -> _Metric:
    name, about = kpi.name, kpi.name
    if (match := _QUANTILE.fullmatch(name)) is not None:
        name = about = match[2]
        labels = {**labels, "quantile": f"{float(match[1]) / PERCENT:.6g}"}
    if (match := _INSTANCE.fullmatch(name)) is not None:
        name, about = f"{match[1]} of an instance", f"{match[1]} of an instance"
        labels = {**labels, "instance_index": match[2]}
    unit, factor = _UNITS.get(kpi.unit, (_identifier(kpi.unit), 1.0))
    parts = ["pinbench", _identifier(name), unit]
    whole = "_".join(part for part in parts if part)
    return _Metric(name=whole, unit=unit, help=about, labels=labels, value=value * factor)


def _identifier(text: str) -> str:
    return re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")
