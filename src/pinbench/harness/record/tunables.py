"""A case's parameters under the names that users set them by."""

from pinbench.contract.case import Case, Scalar
from pinbench.harness.case.knobs import FIELDS


def tunables(case: Case) -> dict[str, Scalar]:
    """Return every parameter of `case` that has a value; one that was left to the planner is absent."""
    values: dict[str, Scalar | None] = {
        "FUNCTION": case.function.value,
        "MODE": case.mode.value,
        "PRECISION": case.label,
        "CASE_TYPE": case.variant.value or None,
        **{name: getattr(case.knobs, field) for name, field in FIELDS.items()},
        **case.knobs.own,
    }
    return {name: value for name, value in values.items() if value is not None and value != ""}
