"""DLRM's training on several ranks (DISTRIBUTED): what differs from that of one process."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from pinbench.base.errors import UsageError
from pinbench.base.units import s_to_ns
from pinbench.contract.case import Case
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import DISTRIBUTED, Instance
from pinbench.contract.result import Training
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.rows import Rows, WeightOrigin
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm_parts import make_tables
from pinbench.worker.training.checkpoint import Saved
from pinbench.worker.training.distributed.backend import Backend, require
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.distributed.meeting import read_meeting
from pinbench.worker.training.dlrm import _sharded, _sharded_pinned
from pinbench.worker.training.dlrm._parts import tables_of_ranks
from pinbench.worker.training.trainer import RankTrainer, TrainerOrder

_ENGINES = {"eager": _sharded.make, "pinned": _sharded_pinned.make}
_LOCAL = ("ALLOCATOR", "CHECKPOINT", "CHECKPOINT_DIR", "DATASET_DIR", "DATA_THREADS", "STRADDLE_NODES")


def meet(instance: Instance, gate: GateClient) -> Group | None:
    """Return the group of all ranks, when all have come; None: this training is of one process.

    Raises:
        UsageError: ranks were told different things, or an engine that does not train on several ranks.
        HostError: what is to carry the tensors is not there.
        LaunchError: a rank did not come.
    """
    case = instance.case
    own = case.knobs.own
    if not own.get(DISTRIBUTED):
        return None
    if case.knobs.engine not in _ENGINES:
        raise UsageError(
            f"ENGINE={case.knobs.engine} does not train on several ranks; set ENGINE to one of: {', '.join(_ENGINES)}"
        )
    backend = Backend(str(own["DIST_BACKEND"]))
    require(backend, "cpu")
    gate.phase("meeting of the ranks")
    group = Group(read_meeting(os.environ), backend, instance.cpus)
    with leaving(group):
        group.require_same(_orders(case))
    return group


@contextmanager
def leaving(group: Group) -> Iterator[None]:
    """Leave `group` where something fails, so that the others are told."""
    try:
        yield
    except BaseException:
        group.close()
        raise


def rows_held(group: Group | None) -> Callable[[Sequence[int]], int]:
    """Return how many of the rows of all tables lie on one rank, at the most."""
    if group is None:
        return sum
    ranks = group.ranks
    return lambda rows: max(sum(rows[table] for table in owned) for owned in tables_of_ranks(rows, ranks))


def require_same_beginning(group: Group, origin: WeightOrigin, saved: Saved | None) -> None:
    """Refuse ranks that would begin with other weights: hosts may hold other files under one name.

    Raises:
        UsageError: names what differs.
    """
    step = "nothing" if saved is None else f"step {saved.step}"
    stacks = origin.stacks()
    digest = hashlib.sha256(b"".join(stacks[name].numpy().tobytes() for name in sorted(stacks))).hexdigest()
    group.require_same({"what has been learned": step, "sha256 of the MLPs' weights": digest}, "beginning")


def own_tables(instance: Instance, config: DlrmConfig, origin: WeightOrigin, gate: GateClient, group: Group) -> Tensor:
    """Return this rank's tables behind each other; passes the barrier WEIGHTS."""
    owned = tables_of_ranks(config.table_rows, group.ranks)[group.rank]
    if not owned:
        gate.wait(Barrier.WEIGHTS)
        return torch.empty(0, config.embedding_dim)
    own = replace(config, table_rows=tuple(config.table_rows[table] for table in owned))
    return make_tables(instance, own, _Owned(origin, owned), torch.float32, gate, None)


def trainer_of(
    config: DlrmConfig,
    tables_RD: Tensor,
    stacks: Mapping[str, Tensor],
    order: TrainerOrder,
    group: Group,
    engine: str,
) -> RankTrainer:
    """Return the trainer, when all ranks have their weights."""
    group.meet("weights")
    return _ENGINES[engine](config, tables_RD, stacks, order, group)


def in_step(
    prepared: Prepared, case: Case, trainer: RankTrainer, group: Group, clock_ns: Callable[[], int]
) -> Prepared:
    """Return `prepared` with steps that all ranks make together, and that count the rows of this one."""
    has_more = prepared.more or _Together(case, group, clock_ns).more
    ready = itertools.cycle(prepared.batches)
    has_begun = False

    def first_together() -> bool:
        nonlocal has_begun
        if not has_begun:
            has_begun = True
            group.meet("start")  # other hosts open their own gate
            trainer.learned = 0
        return has_more()

    def training() -> Training | None:
        found = prepared.training()
        return None if found is None else replace(found, samples=trainer.learned)

    def close() -> None:
        try:
            prepared.close()
        finally:
            group.close()

    return replace(
        prepared, step=lambda _: prepared.step(next(ready)), more=first_together, training=training, close=close
    )


class _Together:
    """Whether there is another step: rank 0 knows, and tells the others."""

    def __init__(self, case: Case, group: Group, clock_ns: Callable[[], int]) -> None:
        self._steps = case.knobs.steps or 1
        self._min_duration_ns = s_to_ns(case.knobs.min_duration_s)
        self._group = group
        self._clock_ns = clock_ns
        self._begin_ns: int | None = None
        self._made = -1

    def more(self) -> bool:
        now_ns = self._clock_ns()
        self._begin_ns = now_ns if self._begin_ns is None else self._begin_ns
        self._made += 1
        left = self._made < self._steps or now_ns - self._begin_ns < self._min_duration_ns
        answer = torch.tensor([left])
        self._group.share(answer, 0)
        return bool(answer)


class _Owned:
    """A `WeightOrigin` of some tables of another one, under new numbers."""

    def __init__(self, origin: WeightOrigin, owned: Sequence[int]) -> None:
        self.name, self.identity = origin.name, origin.identity
        self._origin = origin
        self._owned = owned

    def rows(self, table: int, begin: int, end: int) -> Rows:
        return self._origin.rows(self._owned[table], begin, end)

    def forget(self, table: int) -> None:
        self._origin.forget(self._owned[table])

    def stacks(self) -> dict[str, Tensor]:
        return self._origin.stacks()


def _orders(case: Case) -> dict[str, str]:
    """Return what must be the same on all ranks: all but what belongs to a host."""
    knobs = case.knobs
    own = {name: str(value) for name, value in knobs.own.items() if name not in _LOCAL}
    return own | {
        "case": case.name,
        "ENGINE": knobs.engine,
        "BATCH_SIZE": str(knobs.batch_size),
        "WARMUP_STEPS": str(knobs.warmup_steps),
        "STEPS": str(knobs.steps),
        "MIN_DURATION": f"{knobs.min_duration_s:g}",
        "DATA_TYPE": knobs.data_type.value,
        "SEED": str(knobs.seed),
    }
