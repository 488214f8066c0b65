from collections.abc import Callable
from typing import Any

import pytest

from pinbench.contract.case import Case, Function, Isa, Knobs, Mode, Precision, Variant
from pinbench.contract.plan import Instance, WeightSource


@pytest.fixture
def make_instance() -> Callable[..., Instance]:
    """Make an instance of a dummy case: the third of four, on CPUs 36-47 of node 3 unless told otherwise."""

    def make(**changes: Any) -> Instance:
        case = Case(
            workload="dummy",
            name="dummy_throughput",
            recipe="dummy",
            function=Function.INFERENCE,
            mode=Mode.THROUGHPUT,
            isa=Isa.ANY,
            precision=Precision.FP32,
            variant=Variant.FULL,
            knobs=Knobs(batch_size=1, warmup_steps=1, steps=1, min_duration_s=0),
        )
        facts: dict[str, Any] = {
            "index": 3,
            "case": case,
            "shard": 3,
            "shards": 4,
            "cpus": tuple(range(36, 48)),
            "memory_nodes": (3,),
            "weights": WeightSource.PRIVATE,
            "store": None,
            "weight_budget_bytes": 0,
            "env": {},
        }
        return Instance(**(facts | changes))

    return make
