"""The listing as JSON in the words of MLPerf Inference, for tools that know those: it is no submission to MLPerf.

Keys of a result are those of LoadGen's detailed log (`result_validity`, `result_samples_per_second`,
`result_90.00_percentile_latency_ns`, ...), keys of a system those of a submission's system description.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pinbench.base.units import NS_PER_MS, format_bytes
from pinbench.contract.case import Mode, Scalar
from pinbench.contract.kpi import Kpi
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.summary import number

ENDING = ""

# KPIs in LoadGen's words: key and factor.
_RESULTS = {
    ("Total Throughput", "samples/sec"): ("result_samples_per_second", 1.0),
    ("Samples per Second", "samples/sec"): ("result_samples_per_second", 1.0),
    ("Completed Samples per Second", "samples/sec"): ("result_completed_samples_per_sec", 1.0),
    ("Min Latency", "ms"): ("result_min_latency_ns", NS_PER_MS),
    ("Mean Latency", "ms"): ("result_mean_latency_ns", NS_PER_MS),
    ("Max Latency", "ms"): ("result_max_latency_ns", NS_PER_MS),
}
_PERCENTILE = re.compile(r"P([0-9.]+) Latency")
_SCENARIOS = {"offline": "Offline", "single stream": "SingleStream"}  # of our own loop, in LoadGen's spelling


def render(listing: Listing) -> str:
    """Return the listing as JSON."""
    results = [_known(_result(listing, entry)) for entry in listing.entries if entry.case is not None]
    return json.dumps({"suite": "pinbench", "submission": False, "results": results}, indent=1) + "\n"


def _result(listing: Listing, entry: Entry) -> dict[str, Any]:
    case = entry.case
    assert case is not None
    scenario = str(entry.parameters.get("SCENARIO", ""))
    return {
        "run": str(entry.path),
        "generated_test_name": f"test_{case.display_name}",
        "test_datetime": entry.started_at,
        "model": entry.parameters.get("MODEL_NAME"),
        "dataset": entry.parameters.get("DATASET"),
        "precision": case.label,
        "effective_scenario": _SCENARIOS.get(scenario, scenario),
        "effective_test_mode": "AccuracyOnly" if case.mode is Mode.ACCURACY else "PerformanceOnly",
        "effective_samples_per_query": entry.parameters.get("BATCH_SIZE"),
        "result_validity": "VALID" if entry.outcome is Outcome.PASSED else "INVALID",
        "result_invalid_reason": entry.reason,
        **{key: value for kpi in entry.kpis for key, value in _figures(kpi).items()},
        "accuracy": _accuracy(entry),
        "system": _known(_system(entry.system)),
        "parameters": dict(entry.parameters) if listing.parameters else None,
    }


def _figures(kpi: Kpi) -> dict[str, float]:
    value = number(kpi)
    if value is None:
        return {}
    if (kpi.name, kpi.unit) in _RESULTS:
        key, factor = _RESULTS[kpi.name, kpi.unit]
        return {key: value * factor}
    if (match := _PERCENTILE.fullmatch(kpi.name)) is not None:
        return {f"result_{float(match[1]):.2f}_percentile_latency_ns": value * NS_PER_MS}
    return {}


def _accuracy(entry: Entry) -> dict[str, Any] | None:
    found = next((kpi for kpi in entry.kpis if kpi.primary and kpi.name == "Accuracy"), None)
    return None if found is None else {"value": found.value, "unit": found.unit, "note": found.note}


def _system(facts: Mapping[str, Scalar]) -> dict[str, Any]:
    memory = facts.get("MEMORY_BYTES")
    return {
        "number_of_nodes": 1,
        "host_processor_model_name": facts.get("CPU_MODEL"),
        "host_processors_per_node": facts.get("SOCKETS"),
        "host_processor_core_count": facts.get("CORES"),
        "host_processor_vcpu_count": facts.get("CPUS"),
        "host_memory_capacity": format_bytes(float(memory)) if memory is not None else None,
        "operating_system": facts.get("OS"),
        "other_software_stack": facts.get("PACKAGES"),
        "sw_notes": f"pinbench {facts.get('PINBENCH')}, Python {facts.get('PYTHON')}",
    }


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != ""}
