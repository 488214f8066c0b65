"""A DLRM of the golden files' sizes as the parameters of a case, and the orders for one instance of a case."""

import os

from pinbench.contract.case import Case, Scalar
from pinbench.contract.plan import Instance, WeightSource

TINY: dict[str, Scalar] = {
    "ARCH_SPARSE_FEATURE_SIZE": 16,
    "ARCH_MLP_BOT": "13-32-24-16",
    "ARCH_MLP_TOP": "64-48-32-24-1",
    "ARCH_EMBEDDING_SIZE": "-".join(["400"] * 26),
    "ARCH_INTERACTION_OP": "dot",
    "MAX_IND_RANGE": 400,
}


def order_of(case: Case, weights: WeightSource = WeightSource.PRIVATE, budget_bytes: int = 1 << 30) -> Instance:
    return Instance(
        index=0,
        case=case,
        shard=0,
        shards=1,
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        memory_nodes=(0,),
        weights=weights,
        store=None if weights is WeightSource.PRIVATE else 0,
        weight_budget_bytes=budget_bytes,
        env={},
    )
