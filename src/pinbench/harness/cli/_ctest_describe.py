"""``ctest.sh --describe-params``: the parameters of the workloads, and of chosen cases their values."""

from pathlib import Path

from pinbench.harness.case.catalog import case_values
from pinbench.harness.case.describe import describe_text
from pinbench.harness.case.override import customise
from pinbench.harness.case.rule import value_text
from pinbench.harness.cli._ctest_call import Place, selected
from pinbench.harness.cli._ctest_words import Words


def description(place: Place, words: Words) -> str:
    """Return the table of each workload, or, with -R, of those that the cases are of, and the values of each case.

    Raises:
        UsageError: a value is not legal for a chosen case.
        HostError: a chosen case needs a value that nobody has given.
    """
    if words.pattern is None:
        return "\n".join(describe_text(workload) for workload in place.workloads)
    chosen = selected(place, words)
    parts = [describe_text(workload) for workload in {load.name: load for load, _ in chosen.values()}.values()]
    for name, (workload, case) in chosen.items():
        changed = customise(
            workload, case, environment=place.environment, config=words.config, assignments=words.settings,
            directory=Path.cwd(),
        )  # fmt: skip
        lines = [f"{name}:"]
        for parameter, value in case_values(workload, changed).items():
            mark = "  (changed)" if parameter in changed.overrides else ""
            lines.append(f"    {parameter}={value_text(value)}{mark}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)
