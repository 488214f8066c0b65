"""DLRM inference in our engines against the reference algorithm, in one process and in turn: samples/s and ratios.

The peer is what facebookresearch/dlrm computes (dlrm_s_pytorch.py): 26 EmbeddingBags, nn.Linear, bmm, and the pairs
taken by index lists that are made anew at each call, all in PyTorch eager, fp32. All sides get the same weights and
rows. A round runs each side for --seconds; the ratio of a round is ours over the peer's of the same round, and that of
the best is the highest rate of all rounds over the peer's, which other load on the host disturbs least.
Exit code 1 when the median ratio of fp32 in the last engine is below `--limit-ratio` at any batch size from
`--limit-from` on: below that all sides mostly call, which tells of the load of the host. Whether `--target-ratio` is
reached is printed beside it.

    python bench/dlrm_inference.py --batch-size 128 2048 --threads 2 --engine eager pinned
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _dlrm.calibration import made_up_calibration
from _dlrm.reference import ALPHA, MAX_IND_RANGE, ReferenceAlgorithm, mlperf_config, rate, tables_of
from _quiet import Watch
from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.base.plugin import load_plugin
from pinbench.base.units import GIGA
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batches import Batch, synthetic_batches
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.rows import SeededOrigin
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.quantized_linear import LARGEST_WEIGHT, largest_weight

_PEER = "reference fp32"


def calls_of(
    batches: list[Batch], arguments: argparse.Namespace, config: DlrmConfig, tables_RD: Tensor
) -> dict[str, Callable[[Batch], Tensor]]:
    origin = SeededOrigin(config, 0)
    batch_size = len(batches[0].dense_BI)
    reference = ReferenceAlgorithm(config, tables_RD, origin.stacks())
    offset_FB = [torch.arange(batch_size)] * config.num_tables
    # The reference is given its indices as its own loader makes them: one contiguous list a table.
    by_table = {id(batch): [ids.contiguous() for ids in batch.sparse_BF.unbind(1)] for batch in batches}
    calls: dict[str, Callable[[Batch], Tensor]] = {
        _PEER: lambda batch: reference(batch.dense_BI, offset_FB, by_table[id(batch)])
    }
    # As a run would be limited: the kernels of ours keep to what oneDNN is told.
    cpus, limit = tuple(sorted(os.sched_getaffinity(0))), os.environ.get("ONEDNN_MAX_CPU_ISA")
    for name in arguments.precision:
        precision = load_plugin(precisions, name)
        tables = tables_RD.to(precision.TABLE_DTYPE)
        for engine in arguments.engine:
            model = Dlrm(config, tables, precision.ACTIVATION_DTYPE)
            model.load_stacks(origin.stacks())
            calibration = made_up_calibration(config, arguments.alpha) if precision.IS_CALIBRATED else None
            ready = precision.apply(model, calibration).for_inference(batch_size)
            setting = Setting(precision=Precision(name), cpus=cpus, cache=cache_folder(os.environ), max_cpu_isa=limit)
            inputs = (batches[0].dense_BI, batches[0].sparse_BF)
            compiled = load_plugin(engines, engine).compile(ready, inputs, setting)
            calls[f"{engine} {name}"] = lambda batch, call=compiled.call: call(batch.dense_BI, batch.sparse_BF)
            print(f"B={batch_size:<6} {engine} {name} ran as {describe(compiled.facts)}")
    return calls


def compare(
    batch_size: int, arguments: argparse.Namespace, config: DlrmConfig, tables_RD: Tensor
) -> dict[str, list[float]]:
    """Return the samples per second of each side, round by round; the first one, which warms up, is not among them."""
    batches = synthetic_batches(
        batch_size=batch_size,
        count=max(4, min(512, 32_768 // batch_size)),
        table_rows=config.table_rows,
        alpha=arguments.alpha,
        seed=0,
        shard=0,
    )
    calls = calls_of(batches, arguments, config, tables_RD)
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(arguments.rounds + 1):
        for name, call in calls.items():
            samples_per_s = rate(call, batches, arguments.seconds)
            if turn:
                rates[name].append(samples_per_s)
    return rates


def report(batch_size: int, rates: dict[str, list[float]], flops_per_sample: int) -> dict[str, float]:
    """Print a line for each side and return its median ratio."""
    medians = {}
    for name, values in rates.items():
        ratios = [ours / peer for ours, peer in zip(values, rates[_PEER], strict=True)]
        median, medians[name] = statistics.median(values), statistics.median(ratios)
        print(
            f"B={batch_size:<6} {name:16} {median:12,.0f} samples/s  {medians[name]:5.2f}x "
            f"[{min(ratios):.2f} .. {max(ratios):.2f}] best {max(values) / max(rates[_PEER]):.2f}x  "
            f"n={len(values)}  {median * flops_per_sample / GIGA:7.0f} GFLOP/s"
        )
    return medians


def judge(ratios: dict[int, float], limit: float, target: float) -> bool:
    """Print what is held against each ratio (by batch size) and return whether all reach the limit."""
    for batch_size, ratio in ratios.items():
        held = "held" if ratio >= limit else "NOT held"
        reached = "reached" if ratio >= target else "missed on this host"
        print(f"B={batch_size:<6} fp32 {ratio:.2f}x: limit {limit:g}x {held}, target {target:g}x {reached}")
    return all(ratio >= limit for ratio in ratios.values())


def describe(facts: EngineFacts) -> str:
    """Return what ran: the engine, and what it says of itself."""
    trial = " ".join(f"{path} {seconds * 1e6:.0f} us" for path, seconds in facts.trial_s.items())
    built = None if facts.build_s is None else f"built in {facts.build_s:.0f} s"
    return ", ".join(filter(None, (facts.name, facts.path, facts.isa, facts.fallback, trial, built)))


def _precisions() -> list[str]:
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # not on AVX2 alone, nor on Arm before 8.6
    has_int8 = largest_weight() == LARGEST_WEIGHT  # not where products of codes overflow 16 bits
    return ["fp32", *(["bfloat16"] if has_bfloat16 else []), *(["int8"] if has_int8 else [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 16, 128, 2048])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", nargs="+", default=_precisions(), help="default: those that oneDNN has here")
    parser.add_argument("--engine", nargs="+", default=["eager", "pinned"], choices=["pinned", "eager"])
    parser.add_argument("--max-ind-range", type=int, default=MAX_IND_RANGE)
    parser.add_argument("--alpha", type=float, default=ALPHA)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5)
    # a slow host with AVX2 alone gave 1.29 at batch size 128 and 1.14 at 2,048
    parser.add_argument("--limit-ratio", type=float, default=1.05, help="of ours to the reference, fp32")
    parser.add_argument("--limit-from", type=int, default=128, help="smallest batch size that the limit is for")
    parser.add_argument("--target-ratio", type=float, default=2.0, help="of ours to the reference, fp32")
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    os.sched_setaffinity(0, tuple(sorted(os.sched_getaffinity(0)))[: arguments.threads])  # as in dlrm_engines.py
    config = mlperf_config(arguments.max_ind_range)
    tables_RD = tables_of(config, SeededOrigin(config, 0), arguments.threads)
    for name in arguments.precision:
        dtype = load_plugin(precisions, name).MULTIPLY_DTYPE
        print(f"GEMM peak {dtype}: {gemm_peak_flop_per_s(dtype) / GIGA:.0f} GFLOP/s on {arguments.threads} threads")
    watch = Watch()
    judged, judged_side = {}, f"{arguments.engine[-1]} fp32"
    for batch_size in arguments.batch_size:
        medians = report(batch_size, compare(batch_size, arguments, config, tables_RD), config.flops_per_sample)
        if batch_size >= arguments.limit_from and judged_side in medians:
            judged[batch_size] = medians[judged_side]
    print(watch.says())
    is_held = judge(judged, arguments.limit_ratio, arguments.target_ratio)
    return watch.exit_code(is_held)


if __name__ == "__main__":
    sys.exit(main())
