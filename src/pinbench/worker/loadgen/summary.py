"""LoadGen's mlperf_log_summary.txt as figures: a pure function of its text."""

import re
from collections.abc import Iterator, Mapping

from pinbench.base.errors import RecordError
from pinbench.contract.result import LoadgenResult

_BANNER = re.compile(r"^=+$", re.MULTILINE)
_PAIR = re.compile(r"^ *(?P<name>[^:\n]+?) *: *(?P<value>\S.*?) *$", re.MULTILINE)
_RATES = ("Samples per second", "Completed samples per second")
_KEY_PERCENTILE = re.compile(r"(\d+\.\d+)th percentile latency \(ns\)")
_PERCENTILE = re.compile(r"(\d+\.\d+) percentile latency \(ns\)")
_ESTIMATE = re.compile(r"Early stopping (\d+\.\d+)th percentile estimate")


def parse_summary(text: str) -> LoadgenResult:
    """Return what the summary of a performance test says.

    Raises:
        RecordError: a part, the verdict or the figure of the scenario is missing.
    """
    result, stats, parameters = _sections(text)
    facts, more = _pairs(result), _pairs(stats)
    verdict = _verdict(facts)
    estimates = {match[1]: _number(name, facts) for name in facts if (match := _ESTIMATE.search(name))}
    keys = [(match[1], name) for name in facts if (match := _KEY_PERCENTILE.fullmatch(name))]
    rates = [_number(name, facts) for name in _RATES if name in facts]
    if len(rates) + len(keys) != 1:
        raise RecordError("LoadGen's summary has no figure of its scenario: neither a rate nor a percentile")
    percentile = keys[0][0] if keys else None
    return LoadgenResult(
        scenario=facts.get("Scenario", ""),
        is_valid=verdict,
        reasons=() if verdict else tuple(_reasons(result, facts)),
        samples_per_s=rates[0] if rates else None,
        percentile=percentile,
        percentile_ns=_number(keys[0][1], facts) if keys else None,
        estimate_ns=estimates.get(percentile or ""),
        latency_ns={
            **{name: _number(f"{name} latency (ns)", more) for name in ("Min", "Mean", "Max")},
            **{match[1]: _number(name, more) for name in more if (match := _PERCENTILE.fullmatch(name))},
        },
        settings=_pairs(parameters),
    )


def _sections(text: str) -> tuple[str, str, str]:
    """Return the parts below the headings: the results, the statistics and the parameters."""
    parts = _BANNER.split(text)
    bodies = {parts[place].strip(): parts[place + 1] for place in range(1, len(parts) - 1, 2)}
    try:
        return bodies["MLPerf Results Summary"], bodies["Additional Stats"], bodies["Test Parameters Used"]
    except KeyError as error:
        raise RecordError(f"LoadGen's summary has no part {error}: its test did not end") from error


def _pairs(body: str) -> dict[str, str]:
    return {match["name"].removeprefix("* "): match["value"] for match in _PAIR.finditer(body)}


def _verdict(facts: Mapping[str, str]) -> bool:
    said = facts.get("Result is")
    if said not in ("VALID", "INVALID"):
        raise RecordError(f"LoadGen's summary says neither VALID nor INVALID, but {said}")
    return said == "VALID"


def _reasons(body: str, facts: Mapping[str, str]) -> Iterator[str]:
    """Yield what is not satisfied, and what LoadGen recommends."""
    yield from (f"{name}: {value}" for name, value in facts.items() if name.endswith("satisfied") and value != "Yes")
    advice = " ".join(line.strip() for line in body.partition("Recommendations:")[2].splitlines())
    for sentence in advice.replace("Early Stopping Result:", "").split("* "):
        if sentence.strip():
            yield sentence.strip().rstrip(".")


def _number(name: str, facts: Mapping[str, str]) -> float:
    try:
        return float(facts[name])
    except (KeyError, ValueError) as error:
        raise RecordError(f"LoadGen's summary has no number for {name!r}, but {facts.get(name)!r}") from error
