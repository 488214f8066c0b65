"""Which parameter is which knob of a case."""

from collections.abc import Iterable
from typing import Any

from pinbench.contract.case import DataType, Knobs, Scenario
from pinbench.harness.case.rule import Values

REQUIRED = ("BATCH_SIZE", "WARMUP_STEPS", "STEPS", "MIN_DURATION")  # every workload has these
FIELDS = {
    "BATCH_SIZE": "batch_size",
    "WARMUP_STEPS": "warmup_steps",
    "STEPS": "steps",
    "MIN_DURATION": "min_duration_s",
    "CORES_PER_INSTANCE": "cores_per_instance",
    "INSTANCE_NUMBER": "instances",
    "WEIGHT_SHARING": "weight_sharing",
    "DATA_TYPE": "data_type",
    "DATASET_DIR": "dataset_dir",
    "ENGINE": "engine",
    "SCENARIO": "scenario",
    "ALLOW_EMULATION": "allow_emulation",
    "SEED": "seed",
    "ONEDNN_VERBOSE": "onednn_verbose",
    "ALLOCATOR": "allocator",
    "COST_PER_HOUR": "cost_per_hour",
    "TIMEOUT": "deadline_s",
}


def make_knobs(values: Values, dimensions: Iterable[str]) -> Knobs:
    """Return the knobs for `values`; what no field knows is the recipe's own.

    Args:
        values: of all parameters.
        dimensions: the parameters that are part of the case itself, so no knobs.
    """
    known: dict[str, Any] = {FIELDS[name]: value for name, value in values.items() if name in FIELDS}
    if "data_type" in known:
        known["data_type"] = DataType(known["data_type"])
    if "scenario" in known:
        known["scenario"] = Scenario(known["scenario"])
    own = {
        name: value
        for name, value in values.items()
        if name not in FIELDS and name not in dimensions and value is not None
    }
    return Knobs(**known, own=own)


def knob_values(knobs: Knobs, names: Iterable[str]) -> Values:
    """Return the value of each parameter in `names`, as `knobs` has it; undoes `make_knobs`."""
    return {name: getattr(knobs, FIELDS[name]) if name in FIELDS else knobs.own.get(name) for name in names}
