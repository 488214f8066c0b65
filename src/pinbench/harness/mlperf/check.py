"""Our own rules for a training log: what MLCommons' compliance checker does not look at.

That one takes a run that was aborted, an open one of any quality, and events in any order once the run has started.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pinbench.base.units import MS_PER_S, S_PER_MIN
from pinbench.contract.mlperf import BENCHMARKS
from pinbench.harness.mlperf.log import Event, Log

_ORDER = ("init_start", "init_stop", "run_start", "run_stop")
# What a run cannot be told from another one, or repeated, without; the checker asks closed logs for some of them only.
_NAMES = ("submission_org", "submission_platform")
_COUNTS = {
    "seed": 0,
    "global_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "train_samples": 1,
    "eval_samples": 1,
}  # by key, with the least that it can be
_WITHIN_RUN = (
    "block_start", "block_stop", "epoch_start", "epoch_stop", "eval_start", "eval_accuracy", "eval_stop",
)  # fmt: skip


def faults(log: Log, target: float) -> tuple[str, ...]:
    """Return what is wrong with `log`, nothing for a run that succeeded with a quality of at least `target`."""
    rules = (_times(log.events), _order(log.events), _identity(log.events), _status(log.events), _quality(log, target))
    return tuple(fault for rule in rules for fault in rule)


def minutes_to_train(log: Log) -> float:
    """Return the time from run_start to run_stop; both are there when there are no `faults`."""
    (start,), (stop,) = (
        [event.time_ms for event in log.events if event.key == key] for key in ("run_start", "run_stop")
    )
    return (stop - start) / MS_PER_S / S_PER_MIN


def _times(events: Sequence[Event]) -> Iterator[str]:
    for before, after in pairwise(events):
        if after.time_ms < before.time_ms:
            yield (
                f"time goes back by {before.time_ms - after.time_ms:g} ms from {before.key} (line {before.line}) "
                f"to {after.key} (line {after.line})"
            )


def _order(events: Sequence[Event]) -> Iterator[str]:
    found = {key: [place for place, event in enumerate(events) if event.key == key] for key in _ORDER}
    if wrong := [key for key in _ORDER if len(found[key]) != 1]:
        yield from (f"{key} must stand there once, found {len(found[key])}" for key in wrong)
        return
    places = {key: found[key][0] for key in _ORDER}
    for first, second in pairwise(_ORDER):
        if places[first] > places[second]:
            yield f"{second} (line {events[places[second]].line}) stands before {first}"
    for place, event in enumerate(events):
        if (event.key in _WITHIN_RUN) and not places["run_start"] < place < places["run_stop"]:
            yield f"{event.key} (line {event.line}) is not between run_start and run_stop"
    yield from _evaluations(events)


def _identity(events: Sequence[Event]) -> Iterator[str]:
    found = {key: [event for event in events if event.key == key] for key in (*_NAMES, *_COUNTS)}
    for key, said in found.items():
        if len(said) != 1:
            yield f"{key} must stand there once, found {len(said)}"
        elif key in _NAMES and not (isinstance(said[0].value, str) and said[0].value.strip()):
            yield f"{key} (line {said[0].line}) must be a name, found {said[0].value!r}"
        elif key in _COUNTS and not (type(said[0].value) is int and said[0].value >= _COUNTS[key]):
            yield f"{key} (line {said[0].line}) must be a whole number from {_COUNTS[key]} on, found {said[0].value!r}"


def _evaluations(events: Sequence[Event]) -> Iterator[str]:
    """Yield each quality without the begin of its evaluation, and each begin without a quality."""
    begun: Event | None = None
    for event in events:
        if event.key == "eval_start":
            if begun is not None:
                yield f"the evaluation that starts in line {begun.line} has no eval_accuracy"
            begun = event
        elif event.key == "eval_accuracy":
            if begun is None:
                yield f"eval_accuracy (line {event.line}) has no eval_start before it"
            begun = None
    if begun is not None:
        yield f"the evaluation that starts in line {begun.line} has no eval_accuracy"


def _status(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        if event.key == "run_stop" and (status := event.metadata.get("status")) != "success":
            yield f"the run ended with status {status!r} (line {event.line}), not 'success'"


def _quality(log: Log, target: float) -> Iterator[str]:
    metric = BENCHMARKS[log.benchmark].metric
    values = [event for event in log.events if event.key == "eval_accuracy"]
    if not values:
        yield f"there is no eval_accuracy, so the {metric} is unknown"
        return
    last = values[-1]
    is_number = isinstance(last.value, int | float) and not isinstance(last.value, bool)
    if not is_number or not 0 <= last.value <= 1:  # NaN is not between anything
        yield f"a last {metric} of {last.value!r} (line {last.line}) cannot be"
    elif last.value < target:
        yield f"the last {metric} is {last.value:g} (line {last.line}), below the target of {target:g}"
