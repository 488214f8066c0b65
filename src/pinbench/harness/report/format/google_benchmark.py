"""The listing as the JSON of Google Benchmark (schema version 1), for its compare.py and for dashboards that read it.

A case is a benchmark, an iteration a repetition of it, a step an iteration. `real_time` is the mean time of a step;
`cpu_time`, without which readers stop, repeats it: the processor time of steps is not measured. All other KPIs are
counters.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pinbench.base.units import MS_PER_S, PERCENT
from pinbench.harness.report.comparable import distinct
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.sample import sample
from pinbench.harness.report.summary import group, number

ENDING = ""

_MEAN, _WHOLE, _RATE = "Mean Latency", "Measured Time", "Total Throughput"
_RATE_KEY = "items_per_second"


def render(listing: Listing) -> str:
    """Return the listing as JSON."""
    benchmarks = [
        benchmark
        for family, entries in enumerate(group(listing.entries))
        for benchmark in _family(listing, family, entries)
    ]
    return json.dumps({"context": _context(listing.entries), "benchmarks": benchmarks}, indent=1) + "\n"


def _context(entries: Sequence[Entry]) -> dict[str, Any]:
    def texts(name: str) -> str:
        return ", ".join(distinct(entry.system.get(name) for entry in entries))

    started = min((entry.started_at for entry in entries if entry.started_at is not None), default="")
    cpus = [int(entry.system["CPUS"]) for entry in entries if "CPUS" in entry.system]
    return {
        "date": started,
        "host_name": texts("CPU_MODEL"),  # the name of a machine is nobody's business, its kind is
        "executable": "pinbench",
        "num_cpus": max(cpus, default=0),
        "mhz_per_cpu": 0,  # what Google Benchmark writes where it does not know
        "caches": [],
        "library_version": texts("PINBENCH"),
        "library_build_type": "release",
        "json_schema_version": 1,
    }


def _family(listing: Listing, family: int, entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    case = next(entry.case for entry in entries if entry.case is not None)
    name = f"test_{case.display_name}"
    common = {"name": name, "family_index": family, "per_family_instance_index": 0, "run_name": name}
    runs = []
    for place, entry in enumerate(entries):
        repetition = {
            **common, "run_type": "iteration", "repetitions": len(entries), "repetition_index": place,
            "threads": _threads(entry),
        }  # fmt: skip
        measured = _measured(listing, entry)
        if measured is None:
            yield {**repetition, "error_occurred": True, "error_message": entry.reason or str(entry.outcome)}
        else:
            runs.append(measured)
            yield {**repetition, **measured, "label": str(entry.path)}
    if len(runs) > 1:
        yield from _aggregates(common, len(entries), runs)


def _measured(listing: Listing, entry: Entry) -> dict[str, Any] | None:
    """Return times and counters; None: the run has no number."""
    values = {kpi.name: value for kpi in entry.kpis if (value := number(kpi)) is not None}
    if entry.outcome is not Outcome.PASSED or not {_MEAN, _WHOLE} & values.keys():
        return None
    if _MEAN in values:
        time_ms, steps = values[_MEAN], _steps(entry.parameters)
    else:
        time_ms, steps = values[_WHOLE] * MS_PER_S, 1  # of LoadGen, which is one step to us
    wanted = {kpi.name for kpi in listing.kpis(entry)} - {_MEAN}
    rate = {_RATE_KEY: values[_RATE]} if _RATE in values else {}
    counters = {name: value for name, value in values.items() if name in wanted}
    return {"iterations": steps, "real_time": time_ms, "cpu_time": time_ms, "time_unit": "ms", **rate, **counters}


def _steps(parameters: Mapping[str, Any]) -> int:
    """Return the measured steps of an instance; of several the least."""
    return int(str(parameters.get("STEPS", 1)).partition("-")[0])


def _threads(entry: Entry) -> int:
    found = [str(entry.parameters.get(name, 1)) for name in ("INSTANCE_NUMBER", "THREADS_PER_INSTANCE")]
    instances, threads = (int(text.rpartition("-")[2]) for text in found)
    return instances * threads


def _aggregates(common: Mapping[str, Any], repetitions: int, runs: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    names = [name for name, value in runs[0].items() if isinstance(value, float)]
    samples = {name: sample([run[name] for run in runs]) for name in names if all(name in run for run in runs)}
    for aggregate, field, unit in (
        ("mean", "avg", "time"), ("median", "med", "time"), ("stddev", "std", "time"), ("cv", "cv", "percentage"),
    ):  # fmt: skip
        values = {name: _share(getattr(found, field), unit) for name, found in samples.items()}
        yield {
            **common,
            "name": f"{common['name']}_{aggregate}",
            "run_type": "aggregate",
            "repetitions": repetitions,
            "threads": 1,
            "aggregate_name": aggregate,
            "aggregate_unit": unit,
            "iterations": len(runs),
            "time_unit": "ms",
            **{name: value for name, value in values.items() if value is not None},
        }


def _share(value: float | None, unit: str) -> float | None:
    """Return a coefficient of variation as Google Benchmark has it, from 0 to 1; all else as it is."""
    return value / PERCENT if value is not None and unit == "percentage" else value
