"""The ranks as a group that exchanges tensors; whoever waits for a rank that is gone is told which."""

import json
import os
import socket
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from pinbench.base.errors import LaunchError, PinbenchError, UsageError
from pinbench.worker.training.distributed.backend import Backend
from pinbench.worker.training.distributed.life import BEAT_S, Life
from pinbench.worker.training.distributed.meeting import Meeting

MEETING_S = 180.0  # ranks of another host are started by hand, or by torchrun there
_LOOK_S = 1.0  # of one who waits, between two looks at who is alive
_POLL_S = 0.02
_LIMIT = timedelta(days=1)  # of PyTorch's own for one exchange: who waits looks after the others all the time
_LAST_WORDS_S = 4 * BEAT_S  # the store stays until the others have read in it why it ends


class Pending:
    """An exchange that is under way. What it reads and writes stays untouched until `wait` returns."""

    def __init__(self, work: "distributed.Work", life: Life, is_on_cpu: bool, *tensors: Tensor) -> None:
        self._work = work
        self._life = life
        self._is_on_cpu = is_on_cpu
        self._tensors = tensors

    def wait(self) -> None:
        """Return when it is done.

        Raises:
            LaunchError: a rank is gone; names it.
        """
        while not self._is_done():
            self._life.require()
        self._tensors = ()

    def _is_done(self) -> bool:
        try:
            # On a device this only makes its stream wait, and NCCL's own watch ends what takes too long.
            self._work.wait(timedelta(seconds=_LOOK_S)) if self._is_on_cpu else self._work.wait()
        except RuntimeError as error:
            if self._work.is_completed():
                raise self._life.explain(error) from error
            return False
        return True


class Group:
    """All ranks of one training. Each of them makes the same calls in the same order."""

    def __init__(self, meeting: Meeting, backend: Backend, cpus: Collection[int]) -> None:
        """Meet the others; threads that this starts run on `cpus`.

        Raises:
            LaunchError: not all have come in `MEETING_S`; names those.
            UsageError: another rank expects another number of them.
        """
        self.rank, self.ranks, self.backend = meeting.rank, meeting.ranks, backend
        self._is_on_cpu = backend is not Backend.NCCL
        with _running_on(cpus):
            self._store = _open_store(meeting, is_host=meeting.rank == 0 and not meeting.is_hosted)
            names = self._meet_all()
            host = "torchrun's agent" if meeting.is_hosted else names[0]
            self._life = Life(_open_store(meeting, is_host=False), meeting.rank, names, host)
            self._life.begin()
            try:
                distributed.init_process_group(
                    str(backend),
                    store=PrefixStore("group", self._store),
                    rank=meeting.rank,
                    world_size=meeting.ranks,
                    timeout=_LIMIT,
                )
            except RuntimeError as error:
                raise self._life.explain(error) from error
        self._name = names[meeting.rank]

    def sum(self, values: Tensor) -> Pending:
        """Begin to replace `values` with their sum over all ranks: the same bits everywhere."""
        return self._pending(distributed.all_reduce(values, async_op=True), values)

    def exchange(
        self, received: Tensor, sent: Tensor, received_sizes: Sequence[int], sent_sizes: Sequence[int]
    ) -> Pending:
        """Begin to send to each rank its part of `sent`, and to write what each has sent behind each other.

        All are vectors; sizes count their numbers.
        """
        work = distributed.all_to_all_single(received, sent, list(received_sizes), list(sent_sizes), async_op=True)
        return self._pending(work, received, sent)

    def share(self, values: Tensor, source: int) -> None:
        """Replace `values` with those of rank `source`."""
        self._pending(distributed.broadcast(values, source, async_op=True), values).wait()

    def meet(self, place: str) -> None:
        """Return when all ranks have come to `place`, a name that is used once, however long that takes.

        Raises:
            LaunchError: a rank is gone; names it.
        """
        self._count(place, 1)
        while self._count(place, 0) < self.ranks:
            self._life.require()
            time.sleep(_POLL_S)

    def require_same(self, orders: Mapping[str, str], place: str = "parameters") -> None:
        """Refuse ranks that were told other things than rank 0: they would train another model, or wait for ever.

        `place` is used once.

        Raises:
            UsageError: names the first difference.
        """
        self._store.set(f"{place}/{self.rank}", json.dumps(dict(orders)))
        self.meet(place)
        first = json.loads(self._store.get(f"{place}/0"))
        for rank in range(1, self.ranks):
            other = json.loads(self._store.get(f"{place}/{rank}"))
            for name in sorted({*first, *other}):
                if first.get(name) != other.get(name):
                    raise UsageError(
                        f"{name} is {first.get(name, 'absent')} on rank 0 and {other.get(name, 'absent')} on rank "
                        f"{rank}; start all of them with the same parameters"
                    )

    def least(self, number: int) -> int:
        """Return the least of the numbers that all ranks bring."""
        numbers = torch.empty(self.ranks, dtype=torch.int64)
        own = torch.full((self.ranks,), number, dtype=torch.int64)
        self.exchange(numbers, own, [1] * self.ranks, [1] * self.ranks).wait()
        return int(numbers.min())

    def close(self) -> None:
        """Leave; to be called while an exception is handled, too: the others are then told of it."""
        error = sys.exception()
        if error is None:
            self._leave()
        else:
            reason = " ".join(str(error).split()) if isinstance(error, PinbenchError) else repr(error)
            self._life.tell(f"{self._name}: {reason}")
            time.sleep(_LAST_WORDS_S)
        self._life.end()
        if error is None:
            distributed.destroy_process_group()

    def _leave(self) -> None:
        """Rank 0, which may keep the store, goes last."""
        self.meet("end")
        self._count("left", 1)
        while self.rank == 0 and self._count("left", 0) < self.ranks:
            self._life.require()
            time.sleep(_POLL_S)

    def _meet_all(self) -> list[str]:
        """Return the name of each rank, when all have come."""
        self._store.set(f"rank/{self.rank}", f"{self.ranks} rank {self.rank} ({socket.gethostname()})")
        deadline = time.monotonic() + MEETING_S
        names = []
        for rank in range(self.ranks):
            while not self._store.check([f"rank/{rank}"]):
                if time.monotonic() > deadline:
                    raise LaunchError(
                        f"rank {rank} of {self.ranks} has not come within {MEETING_S:.0f} s; start it, or see whether "
                        "it can reach MASTER_ADDR"
                    )
                time.sleep(_POLL_S)
            ranks, _, name = self._store.get(f"rank/{rank}").decode().partition(" ")
            if int(ranks) != self.ranks:
                raise UsageError(
                    f"{name} expects {ranks} ranks and rank {self.rank} {self.ranks}; start all of them with the same "
                    "INSTANCE_NUMBER and number of hosts"
                )
            names.append(name)
        return names

    def _count(self, place: str, amount: int) -> int:
        try:
            return int(self._store.add(f"meet/{place}", amount))
        except RuntimeError as error:
            raise self._life.explain(error) from error

    def _pending(self, work: "distributed.Work | None", *tensors: Tensor) -> Pending:
        assert work is not None, "this process is a rank of the group"
        return Pending(work, self._life, self._is_on_cpu, *tensors)


def _open_store(meeting: Meeting, *, is_host: bool) -> PrefixStore:
    try:
        store = TCPStore(
            meeting.address,
            meeting.port,
            None,
            is_host,
            timeout=timedelta(seconds=MEETING_S),
            wait_for_workers=False,
        )
    except RuntimeError as error:
        what = "listen at" if is_host else "reach"
        reason = " ".join(str(error).split())
        raise LaunchError(
            f"rank {meeting.rank} cannot {what} MASTER_ADDR={meeting.address}, MASTER_PORT={meeting.port}: {reason}"
        ) from error
    return PrefixStore(f"pinbench/{meeting.attempt}", store)


@contextmanager
def _running_on(cpus: Collection[int]) -> Iterator[None]:
    """Let threads that are started run on all of `cpus`: a thread that OpenMP has bound hands on its one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
