"""HOW: which instance gets which CPUs, memory and environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pinbench.contract.case import Case
from pinbench.contract.host import Topology

DISTRIBUTED = "DISTRIBUTED"  # the parameter: instances are ranks of one training
RANKS = "WORLD_SIZE"  # in the environment of a rank, as torchrun has it


class WeightSource(StrEnum):
    """Where an instance's weights lie.

    PRIVATE: memory of its own. BUILD: it fills the node's shared store. MAP: it maps what BUILD filled.
    """

    PRIVATE = "private"
    BUILD = "build"
    MAP = "map"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Orders for one child process."""

    index: int
    case: Case
    shard: int  # which part of the data
    shards: int
    cpus: tuple[int, ...]  # one thread each, in this order
    memory_nodes: tuple[int, ...]
    weights: WeightSource
    store: int | None  # the NUMA node whose shared store holds the weights; None when PRIVATE
    weight_budget_bytes: int  # the most for one copy of the weights and the batches on it; alike in a plan
    env: Mapping[str, str]  # set before the child starts: threads, ISA limit, allocator
    weight_users: int = 1  # the most instances that use one copy; alike in a plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A case placed on a host."""

    case: Case
    topology: Topology
    instances: tuple[Instance, ...]
    deadline_s: float
    emulation: str | None = None  # which instructions of the label are only imitated; None: none
    notes: tuple[str, ...] = ()  # what the planner chose that a user may want to know
