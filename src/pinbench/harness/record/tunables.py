"""A case's parameters under the names that users set them by."""

from dataclasses import fields

from pinbench.contract.case import Case, Scalar

# Knobs whose name in the environment is not their own in upper case; the names are those of WSF.
_NAMES = {"instances": "INSTANCE_NUMBER", "min_duration_s": "MIN_DURATION", "deadline_s": "TIMEOUT"}


def tunables(case: Case) -> dict[str, Scalar]:
    """Return every parameter of `case` that has a value; one that was left to the planner is absent."""
    values: dict[str, Scalar | None] = {
        "FUNCTION": case.function.value,
        "MODE": case.mode.value,
        "PRECISION": case.label,
        "CASE_TYPE": case.variant.value or None,
    }
    for field in fields(case.knobs):
        if field.name != "own":
            values[_NAMES.get(field.name, field.name.upper())] = getattr(case.knobs, field.name)
    values.update(case.knobs.own)
    return {name: value for name, value in values.items() if value is not None and value != ""}
