"""A recipe without a model that passes, fails, hangs or crashes on demand: the suite's own self test.

Its parameters: STEP_MS (how long a step takes), STEP_HASH_KIB (what it computes besides), and of the one instance that
BEHAVIOUR_INSTANCE chooses: BEHAVIOUR (what goes wrong), START_DELAY (seconds that it takes longer to get ready),
RETURN_VALUE (its exit code).
"""

import atexit
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from pinbench.base.errors import ModelError, UsageError
from pinbench.base.units import KIB, MS_PER_S
from pinbench.contract.case import Scalar
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import Instance
from pinbench.worker.gate_client import GateClient
from pinbench.worker.prepared import Prepared

_SLEEP_FROM_S = 0.001  # below, a sleep's own latency (some 50 us) would be a good part of the step: spin
_SLOW_S = 1.0
_STEPS_BEFORE_DEATH = 3  # far enough into the window that measuring has begun


class Behaviour(StrEnum):
    """What the misbehaving instance does; all others pass."""

    PASS = "pass"
    FAIL = "fail"  # its outputs are wrong
    CRASH = "crash"  # segmentation fault in warm-up
    HANG = "hang"  # never ends its warm-up
    SLOW_START = "slow_start"  # takes START_DELAY to get ready, a second when that is 0
    GARBAGE = "garbage"  # leaves a broken result.json and exit code 0
    DIE = "die"  # SIGKILL in the middle of the window


def prepare(instance: Instance, gate: GateClient, store_fd: int | None, folder: Path) -> Prepared:
    """Return a step that does nothing for STEP_MS, and the misbehaviour that was asked for.

    Raises:
        UsageError: BEHAVIOUR or BEHAVIOUR_INSTANCE is not one that there is.
    """
    own = instance.case.knobs.own
    behaviour = _behaviour(own.get("BEHAVIOUR", Behaviour.PASS))
    return_value = int(own.get("RETURN_VALUE", 0))
    if not _is_chosen(instance):
        behaviour, return_value = Behaviour.PASS, 0
    else:
        time.sleep(float(own.get("START_DELAY", 0.0)) or (_SLOW_S if behaviour is Behaviour.SLOW_START else 0.0))
    if behaviour is Behaviour.GARBAGE:
        atexit.register(_break_result, Path(sys.argv[1]).with_name("result.json"))
    gate.wait(Barrier.WEIGHTS)
    return Prepared(
        step=_step(_work(own), behaviour, max(1, instance.case.knobs.warmup_steps)),
        batches=(None,),
        batch_size=instance.case.knobs.batch_size,
        threads=1,
        check=lambda: _check(behaviour, return_value),
    )


def _is_chosen(instance: Instance) -> bool:
    chosen = int(instance.case.knobs.own.get("BEHAVIOUR_INSTANCE", 0))
    if chosen >= instance.shards:
        raise UsageError(f"BEHAVIOUR_INSTANCE must be below the number of instances, {instance.shards}; got {chosen}")
    return instance.index == chosen


def _behaviour(value: Scalar) -> Behaviour:
    try:
        return Behaviour(str(value))
    except ValueError as error:
        raise UsageError(f"BEHAVIOUR must be one of {', '.join(Behaviour)}; got {value!r}") from error


def _work(own: Mapping[str, Scalar]) -> Callable[[None], None]:
    """Return a step that lasts STEP_MS by the clock, and hashes STEP_HASH_KIB besides, as fast as the CPU can."""
    duration_s, size_bytes = float(own.get("STEP_MS", 1.0)) / MS_PER_S, round(float(own.get("STEP_HASH_KIB", 0)) * KIB)
    pause = _sleep(duration_s) if duration_s >= _SLEEP_FROM_S else _spin(duration_s)
    if not size_bytes:
        return pause
    content = bytes(size_bytes)

    def hash_it(batch: None) -> None:
        hashlib.sha256(content).digest()
        pause(batch)

    return hash_it


def _step(work: Callable[[None], None], behaviour: Behaviour, warmup_steps: int) -> Callable[[None], None]:
    if behaviour is Behaviour.CRASH:
        return lambda _: signal.raise_signal(signal.SIGSEGV)
    if behaviour is Behaviour.HANG:
        return _hang
    if behaviour is Behaviour.DIE:
        return _die_after(warmup_steps + _STEPS_BEFORE_DEATH, work)
    return work


def _sleep(duration_s: float) -> Callable[[None], None]:
    return lambda _: time.sleep(duration_s)


def _spin(duration_s: float) -> Callable[[None], None]:
    def spin(_: None) -> None:
        end_s = time.perf_counter() + duration_s
        while time.perf_counter() < end_s:
            pass

    return spin


def _hang(_: None) -> None:
    while True:
        signal.pause()


def _die_after(steps: int, work: Callable[[None], None]) -> Callable[[None], None]:
    remaining = iter(range(steps))

    def step(batch: None) -> None:
        if next(remaining, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        work(batch)

    return step


def _check(behaviour: Behaviour, return_value: int) -> None:
    if behaviour is Behaviour.FAIL:
        raise ModelError("the dummy was told to fail (BEHAVIOUR=fail)")
    if return_value:
        sys.exit(return_value)


def _break_result(path: Path) -> None:
    path.write_text('{"index": 0, "status": "pas')
