"""Which case the environment asks for: ``MODE=latency PRECISION=avx_fp32``, as a container is given them."""

from collections.abc import Mapping

from pinbench.base.errors import UsageError
from pinbench.contract.case import Variant
from pinbench.harness.case.naming import case_name
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.workload import DIMENSIONS, Workload

_CASE_TYPE = "CASE_TYPE"


def chosen_name(workload: Workload, environment: Mapping[str, str]) -> str:
    """Return the name of the case that `environment` chooses by its dimensions.

    A dimension that is not set is the first one of the workload's matrix. Where no parameter is set at all, the
    gated case is meant: whoever just tries a workload out should not wait for the full one.

    Raises:
        UsageError: a dimension has no such value; names the nearest.
    """
    choices = {}
    for dimension in DIMENSIONS:
        values = workload.matrix[dimension]
        written = environment.get(dimension) or values[0]
        parameter = workload.parameters[dimension]
        value = parameter.choice_of(written)
        if value is None:
            legal = parameter.choices
            raise UsageError(
                f"{dimension}={written} is not one of {', '.join(filter(None, legal))}{hint(written, legal)}"
            )
        choices[dimension] = value
    is_untouched = not any(environment.get(name) for name in workload.spellings)
    if is_untouched and Variant.GATED in workload.matrix[_CASE_TYPE]:
        choices[_CASE_TYPE] = Variant.GATED.value
    return case_name(workload.prefix, workload.dimensions, choices)
