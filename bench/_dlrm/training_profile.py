"""Where the time of a step goes: each part of it timed by itself, beside the least that it could take here."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

from _dlrm.training import TrainingRoofline
from pinbench.base.units import PERCENT
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig, num_pairs
from pinbench.worker.training.dlrm.pinned import PinnedTrainer

_LEARNING_RATE = 0.01


def profile(
    trainer: PinnedTrainer, roofline: TrainingRoofline, config: DlrmConfig, batches: list[Batch], seconds: float
) -> None:
    """Print the median microseconds a sample of each part over all steps of `seconds`, and its bound."""
    roofline.measure(seconds)
    step_s: dict[str, list[float]] = {}
    number, begin = 0, time.perf_counter()
    while number < 3 or time.perf_counter() - begin < seconds:
        for name, taken_s in _one_step(trainer, batches[number % len(batches)]).items():
            if number:
                step_s.setdefault(name, []).append(taken_s)
        number += 1
    samples = len(batches[0].dense_BI)
    bounds_s = _bounds(roofline, config)
    medians_s = {name: statistics.median(values) / samples for name, values in step_s.items()}
    for name, median_s in medians_s.items():
        print(
            f"  {name:16} {_us(median_s):9.2f} us a sample {median_s / sum(medians_s.values()):5.0%}   "
            f"bound {_us(bounds_s[name]):9.2f} us, {bounds_s[name] / median_s * PERCENT:4.0f} % of it reached"
        )
    total_s, bound_s = sum(medians_s.values()), sum(bounds_s.values())
    print(f"  {'all':16} {_us(total_s):9.2f} us a sample        bound {_us(bound_s):9.2f} us  n={number - 1}")


def _us(duration_s: float) -> float:
    return duration_s * 1e6


def _one_step(trainer: PinnedTrainer, batch: Batch) -> dict[str, float]:
    operator, taken_s = trainer.operator, dict[str, float]()

    def timed(name: str, call: Callable[[], None]) -> None:
        begin = time.perf_counter()
        call()
        taken_s[name] = taken_s.get(name, 0.0) + time.perf_counter() - begin

    assert batch.label_B is not None
    operator.begin(len(batch.dense_BI), _LEARNING_RATE)
    chunks = [part.split(trainer.chunk_rows) for part in (batch.dense_BI, batch.sparse_BF, batch.label_B)]
    for dense_BI, id_BF, label_B in zip(*chunks, strict=True):
        timed("bottom", lambda dense_BI=dense_BI: operator.bottom(dense_BI))
        timed("lookup and dots", lambda id_BF=id_BF: operator.meet(id_BF))
        timed("over", operator.over)
        timed("loss", lambda label_B=label_B: operator.finish(label_B))
        timed("over backward", operator.over_backward)
        timed("dots backward", lambda id_BF=id_BF: operator.meet_backward(id_BF))
        timed("bottom backward", operator.bottom_backward)
    timed("update layers", operator.update_layers)
    timed("update rows", operator.update_rows)
    return taken_s


def _bounds(roofline: TrainingRoofline, config: DlrmConfig) -> dict[str, float]:
    """Return the least seconds a sample of each part."""
    bottom, over = (2 * sum(i * o for i, o in pairwise(stack)) for stack in (config.bottom, config.over))
    dots = 2 * num_pairs(config.num_tables + 1) * config.embedding_dim
    first = 2 * config.bottom[0] * config.bottom[1]  # nobody wants the gradient of the batch
    return {
        "bottom": roofline.products_s(bottom),
        "lookup and dots": roofline.products_s(dots) + roofline.gather_s,
        "over": roofline.products_s(over),
        "loss": 0.0,
        "over backward": roofline.products_s(2 * over),
        "dots backward": roofline.products_s(2 * dots),
        "bottom backward": roofline.products_s(2 * bottom - first),
        "update layers": 0.0,
        "update rows": roofline.update_s,
    }
