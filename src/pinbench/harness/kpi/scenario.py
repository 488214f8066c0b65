"""What MLPerf's LoadGen measured: the figure of its scenario, its verdict, and how far its rules were followed."""

from collections.abc import Iterator

from pinbench.base.errors import KpiError
from pinbench.base.units import MS_PER_S, ns_to_ms
from pinbench.contract.case import Scenario
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import LoadgenResult
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded

_RATE = "samples/sec"
_LATENCY = "ms"
# What a submission of MLPerf's DLRM must have at least (mlperf.conf, and constants.py of the submission checker).
_MIN_DURATION_MS = 600_000
_MIN_LOADED = 204_800  # samples in memory
_MIN_QUERIES = {
    Scenario.OFFLINE: 1,
    Scenario.SERVER: 270_336,
    Scenario.SINGLE_STREAM: 1_024,
    Scenario.MULTI_STREAM: 270_336,
}
_RATE_NAMES = {Scenario.OFFLINE: "Samples per Second", Scenario.SERVER: "Completed Samples per Second"}


def require(run: Measurement) -> None:
    """Refuse a test that LoadGen calls INVALID, and one that it did not make.

    Raises:
        KpiError: says why, in LoadGen's words.
    """
    if not run.case.knobs.scenario:
        return
    if len(run.results) != 1:
        raise KpiError(f"one LoadGen tests one system, but {len(run.results)} instances ran")
    found = run.results[0].loadgen
    if found is None or found.scenario != run.case.knobs.scenario:
        ran = "none" if found is None else found.scenario
        raise KpiError(f"LoadGen was to run {run.case.knobs.scenario}, but ran {ran}")
    accuracy = run.results[0].accuracy
    if accuracy is not None and accuracy.samples != found.pairs:
        raise KpiError(f"LoadGen's samples have {found.pairs} pairs, but {accuracy.samples} were scored")
    if accuracy is None and not found.is_valid:
        raise KpiError(f"LoadGen calls the test INVALID: {'; '.join(found.reasons) or 'it gives no reason'}")


def primary(run: Measurement) -> Kpi:
    """Return the figure that MLPerf reports of the scenario."""
    found = _found(run)
    scenario = run.case.knobs.scenario
    if found.samples_per_s is not None:
        value, name, unit = found.samples_per_s, _RATE_NAMES[scenario], _RATE
    else:
        assert found.percentile_ns is not None, "a summary has one of the two"
        value, name, unit = ns_to_ms(found.percentile_ns), f"{_ordinal(found.percentile)} Percentile Latency", _LATENCY
    return Kpi(
        name=name,
        value=rounded(value),
        unit=unit,
        primary=True,
        higher_is_better=unit == _RATE,
        note=f"LoadGen, {scenario}",
    )


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the verdict, with what the rules of a submission want besides, and the latencies of all queries."""
    return tuple(_kpis(run)) if run.case.knobs.scenario else ()


def _kpis(run: Measurement) -> Iterator[Kpi]:
    found = _found(run)
    mean_pairs = found.pairs / found.samples
    yield Kpi(name="Pairs per Sample", value=rounded(mean_pairs), note=f"{found.samples} samples")
    if found.is_valid is None:
        return
    lacking = "; ".join(shortfalls(found))
    note = f"not MLPerf-compliant: {lacking}" if lacking else "the rules for a submission are kept"
    yield Kpi(name="LoadGen Result", value="VALID", note=note)
    if found.samples_per_s is not None:
        pairs_per_s = found.samples_per_s * mean_pairs
        yield Kpi(name="Pairs per Second", value=rounded(pairs_per_s), unit="pairs/sec", higher_is_better=True)
    if found.estimate_ns is not None:
        name = f"Early Stopping {_ordinal(found.percentile)} Percentile"
        yield Kpi(name=name, value=rounded(ns_to_ms(found.estimate_ns)), unit=_LATENCY, higher_is_better=False)
    if run.case.knobs.scenario is not Scenario.OFFLINE:  # there it is one query, which lasts as long as the test
        for name, latency_ns in found.latency_ns.items():
            label = name if name.isalpha() else f"P{float(name):g}"
            yield Kpi(
                name=f"{label} Query Latency",
                value=rounded(ns_to_ms(latency_ns)),
                unit=_LATENCY,
                higher_is_better=False,
            )


def shortfalls(found: LoadgenResult) -> Iterator[str]:
    """Yield each setting of a test that is below what a submission must have."""
    duration_ms = float(found.settings.get("min_duration (ms)", 0))
    if duration_ms < _MIN_DURATION_MS:
        yield f"{duration_ms / MS_PER_S:g} s of {_MIN_DURATION_MS / MS_PER_S:g}"
    queries, wanted = int(found.settings.get("min_query_count", 0)), _MIN_QUERIES[Scenario(found.scenario)]
    if queries < wanted:
        yield f"{queries} queries of {wanted}"
    loaded = int(found.settings.get("performance_sample_count", 0))
    if loaded < _MIN_LOADED:
        yield f"{loaded} samples in memory of {_MIN_LOADED}"


def _found(run: Measurement) -> LoadgenResult:
    found = run.results[0].loadgen
    assert found is not None, "`require` was asked before"
    return found


def _ordinal(percentile: str | None) -> str:
    return f"{float(percentile or 0):g}th"
