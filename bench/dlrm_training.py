"""DLRM training by our engine against the reference algorithm, in one process and in turn: samples/s and ratios.

The peer is what facebookresearch/dlrm does (dlrm_s_pytorch.py): 26 EmbeddingBags with sparse gradients, nn.Linear, bmm,
autograd and torch.optim.SGD, fp32. All sides learn the same tables, each has stacks of its own. A round runs each side
for --seconds; the ratio of a round is ours over the peer's of the same round, and so is the share of the roofline:
three times the products at the best rate of all layer shapes, one gather and one update at the rate of memory.
Exit code 1 when the median ratio of fp32 is below `--limit-ratio` at any batch size from `--limit-from` on. Whether the
targets of a CPU with AVX-512 and its bfloat16 are reached is printed beside it. `--profile` says for each part of a
step what it takes and what its bound is; `--quick` is one short look at small tables.

    python bench/dlrm_training.py --batch-size 128 2048 8192 --threads 2
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _dlrm.reference import mlperf_config, rate, tables_of
from _dlrm.training import Step, TrainingRoofline, reference_step
from _dlrm.training_profile import profile
from _quiet import Watch
from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.contract.case import Precision
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import synthetic_batches
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.rows import SeededOrigin
from pinbench.worker.training.dlrm.pinned import PinnedTrainer
from pinbench.worker.training.trainer import TrainerOrder

_PEER = "reference fp32"
_LEARNING_RATE = 0.01
# Of a CPU with AVX-512 and its bfloat16, by precision and batch size.
_TARGETS = {
    "fp32": {128: 1.4, 2048: 2.1, 8192: 2.1},
    "bfloat16": {128: 2.8, 2048: 3.8, 8192: 3.8},
}
_TYPES = {"fp32": torch.float32, "bfloat16": torch.bfloat16}


def trainer(
    name: str, config: DlrmConfig, tables_RD: Tensor, batch_size: int, *, split_tables: bool = False
) -> PinnedTrainer:
    setting = Setting(
        precision=Precision(name),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        cache=cache_folder(os.environ),
        max_cpu_isa=os.environ.get("ONEDNN_MAX_CPU_ISA"),
    )
    order = TrainerOrder(setting=setting, batch_size=batch_size, split_tables=split_tables)
    return PinnedTrainer(config, tables_RD, SeededOrigin(config, 0).stacks(), order)


def batches_of(batch_size: int, arguments: argparse.Namespace, config: DlrmConfig) -> list[Batch]:
    return synthetic_batches(
        batch_size=batch_size,
        count=max(2, min(256, 32_768 // batch_size)),
        table_rows=config.table_rows,
        alpha=arguments.alpha,
        seed=0,
        shard=0,
    )


def compare(
    batch_size: int, arguments: argparse.Namespace, config: DlrmConfig, tables_RD: Tensor
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the rates of each side and the ceilings, round by round; the first, which warms up, is not among them."""
    batches = batches_of(batch_size, arguments, config)
    origin = SeededOrigin(config, 0)
    steps: dict[str, Step] = {
        _PEER: reference_step(config, tables_RD, origin.stacks(), batches, _LEARNING_RATE),
    }
    ceilings: dict[str, TrainingRoofline] = {}
    for name in arguments.precision:
        ours = trainer(name, config, tables_RD, batch_size)
        steps[f"pinned {name}"] = lambda batch, ours=ours: ours.step([batch], _LEARNING_RATE)
        if name == "fp32" or has_bfloat16():
            ceilings[name] = TrainingRoofline(config, tables_RD, _TYPES[name], batch_size)
    rates: dict[str, list[float]] = {name: [] for name in steps}
    bounds: dict[str, list[float]] = {name: [] for name in ceilings}
    for turn in range(arguments.rounds + 1):
        measure(turn, rates, {name: rate_of(step, batches) for name, step in steps.items()}, arguments.seconds)
        measure(turn, bounds, {name: ceiling.rate for name, ceiling in ceilings.items()}, arguments.seconds)
    return rates, bounds


def rate_of(step: Step, batches: list[Batch]) -> Callable[[float], float]:
    return lambda seconds: rate(step, batches, seconds)


def measure(
    turn: int, kept: dict[str, list[float]], calls: Mapping[str, Callable[[float], float]], seconds: float
) -> None:
    for name, call in calls.items():
        value = call(seconds)
        if turn:
            kept[name].append(value)


def report(batch_size: int, rates: dict[str, list[float]], bounds: dict[str, list[float]]) -> dict[str, float]:
    """Print a line for each side and return its median ratio to the peer."""
    medians = {}
    for name, values in rates.items():
        ratios = [ours / peer for ours, peer in zip(values, rates[_PEER], strict=True)]
        median, medians[name] = statistics.median(values), statistics.median(ratios)
        spread = (max(values) - min(values)) / median
        print(
            f"B={batch_size:<6} {name:16} {median:12,.0f} samples/s  spread {spread:4.0%}  "
            f"{medians[name]:5.2f}x [{min(ratios):.2f} .. {max(ratios):.2f}] "
            f"best {max(values) / max(rates[_PEER]):.2f}x  n={len(values)}{share(values, bounds.get(name.split()[1]))}"
        )
    return medians


def share(values: list[float], bound: list[float] | None) -> str:
    """Return the median share of the ceiling; nothing where the host cannot tell one."""
    if bound is None:
        return ""
    shares = [value / ceiling for value, ceiling in zip(values, bound, strict=True)]
    return f"  {statistics.median(shares):.0%} of the roofline's {statistics.median(bound):,.0f}"


def judge(ratios: dict[int, float], limit: float, targets: Mapping[int, float], name: str = "fp32") -> bool:
    """Print what is held against each ratio (by batch size) and return whether all reach the limit."""
    for batch_size, ratio in ratios.items():
        held = "held" if ratio >= limit else "NOT held"
        target = targets.get(batch_size)
        reached = "reached" if target is not None and ratio >= target else "missed on this host"
        aim = "" if target is None else f", target {target:g}x {reached}"
        print(f"B={batch_size:<6} {name} {ratio:.2f}x: limit {limit:g}x {held}{aim}")
    return all(ratio >= limit for ratio in ratios.values())


def has_bfloat16() -> bool:
    """Return whether oneDNN has instructions for it here: not on AVX2 alone, nor on Arm before 8.6."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[128, 2048])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", nargs="+", choices=list(_TYPES), help="default: those that oneDNN has here")
    parser.add_argument("--max-ind-range", type=int, default=500_000)
    parser.add_argument("--alpha", type=float, default=1.05)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true", help="what each part of a step takes, and its bound")
    parser.add_argument("--split-tables", action="store_true", help="of the profile in bfloat16")
    parser.add_argument("--quick", action="store_true", help="batch size 128 alone, three short rounds, small tables")
    parser.add_argument("--limit-ratio", type=float, default=1.05, help="of ours to the reference, fp32")
    parser.add_argument("--limit-from", type=int, default=128, help="smallest batch size that the limit is for")
    arguments = parser.parse_args()
    arguments.precision = arguments.precision or (list(_TYPES) if has_bfloat16() else ["fp32"])
    if arguments.quick:
        arguments.batch_size, arguments.rounds, arguments.seconds, arguments.max_ind_range = [128], 3, 0.5, 50_000
    return arguments


def main() -> int:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    config = mlperf_config(arguments.max_ind_range)
    tables_RD = tables_of(config, SeededOrigin(config, 0), arguments.threads)
    if arguments.profile:
        for name in arguments.precision:
            for batch_size in arguments.batch_size:
                split = arguments.split_tables and name == "bfloat16"
                ours = trainer(name, config, tables_RD.clone() if split else tables_RD, batch_size, split_tables=split)
                bound = TrainingRoofline(
                    config, tables_RD, _TYPES[name] if has_bfloat16() else torch.float32, batch_size
                )
                print(f"B={batch_size} {name}, {ours.facts.isa}")
                profile(ours, bound, config, batches_of(batch_size, arguments, config), arguments.seconds)
        return 0
    watch = Watch()
    judged: dict[str, dict[int, float]] = {name: {} for name in arguments.precision}
    for batch_size in arguments.batch_size:
        medians = report(batch_size, *compare(batch_size, arguments, config, tables_RD))
        for name in arguments.precision:
            if batch_size >= arguments.limit_from:
                judged[name][batch_size] = medians[f"pinned {name}"]
    held = {name: judge(ratios, arguments.limit_ratio, _TARGETS[name], name) for name, ratios in judged.items()}
    return watch.exit_code(held.get("fp32", True))


if __name__ == "__main__":
    sys.exit(main())
