"""Multi-hot DLRM (DLRMv2-PyTorch-ARM) in our engines against the reference algorithm, in turn: samples/s and ratios.

The peer is what facebookresearch/dlrm computes (dlrm_s_pytorch.py): 8 EmbeddingBags that add up 1 to 100 rows each,
nn.Linear, bmm, and the pairs taken by index lists that are made anew at each call, all in PyTorch eager, fp32. All
sides get the same weights and samples, each in the form that its own loader makes. A round runs each side for
--seconds; the ratio of a round is ours over the peer's of the same round. The roofline of a precision is measured in
each round, too: products at oneDNN's best rate of the model's own layers, rows at the rate of a gather, not overlapped.
Exit code 1 when fp32 in the last engine has, at any batch size from `--limit-from` on, a median ratio below
`--limit-ratio` and less than `--limit-share` of the roofline: where the reference itself comes to the roofline, as
with large batches on few cores, no ratio is left to win. The targets, which are for a CPU with AVX-512, are printed.

    python bench/dlrm_v2_inference.py --batch-size 16 128 --threads 2 --engine pinned
"""

import argparse
import itertools
import os
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _dlrm.reference import ReferenceAlgorithm
from _dlrm.roofline import Roofline
from _quiet import Watch
from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.base.plugin import load_plugin
from pinbench.base.units import GIGA
from pinbench.contract.case import Precision
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.bags.batch import BagBatch
from pinbench.worker.data.bags.reference_law import reference_batches
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.numpy_origin import NumpyOrigin
from pinbench.worker.models.dlrm.sparse import PooledArch
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.recipes.dlrm_v2 import MOST_IDS, model_config
from pinbench.worker.weights import private_store

_PEER = "reference fp32"
_SEED = 727
_TARGETS = {  # ratio to the peer by batch size, on a CPU with AVX-512
    "fp32": {1: 2.5, 16: 3.0, 128: 2.6, 1024: 2.0},
    "bfloat16": {1: 3.0, 16: 4.0, 128: 4.2, 1024: 3.3},
}

Rate = Callable[[float], float]  # of seconds: samples a second


def by_table(batch: BagBatch, config: DlrmConfig) -> tuple[list[Tensor], list[Tensor]]:
    """Return offsets and ids of each table, as the reference's loader makes them."""
    first = torch.tensor([0, *itertools.accumulate(config.table_rows)][:-1])
    bags = batch.row_N.tensor_split(batch.offset_K[1:-1])
    offsets, ids = [], []
    for table in range(config.num_tables):
        mine = bags[table :: config.num_tables]
        lengths = torch.tensor([0, *(len(bag) for bag in mine[:-1])])
        offsets.append(lengths.cumsum(0))
        ids.append(torch.cat(mine) - first[table])
    return offsets, ids


def tables_of(config: DlrmConfig, origin: NumpyOrigin, threads: int) -> Tensor:
    store = private_store(config.table_bytes(4))
    tables_RD = torch.from_numpy(store.bytes_view).view(torch.float32).view(-1, config.embedding_dim)
    with ThreadPoolExecutor(threads) as pool:
        origin.fill(tables_RD.numpy(), pool)
    return tables_RD


def turning(call: Callable[[BagBatch], Tensor], batches: list[BagBatch]) -> Rate:
    """Return what runs `call` on all batches in turn, going on where it stopped the last time."""
    source, size = itertools.cycle(batches), len(batches[0].dense_BI)

    def run(seconds: float) -> float:
        steps, begin = 0, perf_counter()
        while (elapsed := perf_counter() - begin) < seconds:
            call(next(source))
            steps += 1
        return steps * size / elapsed

    return run


def ceiling(roofline: Roofline, config: DlrmConfig, rows_a_sample: float) -> Rate:
    """Return what measures samples per second at the best rates of products and of random rows; no overlap."""

    def run(seconds: float) -> float:
        flop_per_s, rows_per_s = roofline.measure(seconds)
        return 1 / (config.flops_per_sample / flop_per_s + rows_a_sample / rows_per_s)

    return run


def sides_of(
    batches: list[BagBatch], arguments: argparse.Namespace, config: DlrmConfig, tables: dict[str, Tensor]
) -> dict[str, Rate]:
    stacks = NumpyOrigin(config, _SEED).stacks()
    batch_size = len(batches[0].dense_BI)
    reference = ReferenceAlgorithm(config, tables["fp32"], stacks)
    lists = {id(batch): by_table(batch, config) for batch in batches}
    expected = reference(batches[0].dense_BI, *lists[id(batches[0])]).squeeze(1)
    sides = {_PEER: turning(lambda batch: reference(batch.dense_BI, *lists[id(batch)]), batches)}
    cpus, limit = tuple(sorted(os.sched_getaffinity(0))), os.environ.get("ONEDNN_MAX_CPU_ISA")
    rows = sum(len(batch.row_N) for batch in batches) / (len(batches) * batch_size)
    for name in arguments.precision:
        precision = load_plugin(precisions, name)
        sides[f"roofline {name}"] = ceiling(Roofline(config, tables[name], batch_size), config, rows)
        for engine in arguments.engine:
            model = Dlrm(config, tables[name], precision.ACTIVATION_DTYPE, PooledArch)
            model.load_stacks(stacks)
            ready = precision.apply(model, None).for_inference(batch_size)
            setting = Setting(
                precision=Precision(name), cpus=cpus, cache=cache_folder(os.environ), varying=(1,), max_cpu_isa=limit
            )
            inputs = (batches[0].dense_BI, batches[0].row_N, batches[0].offset_K)
            compiled = load_plugin(engines, engine).compile(ready, inputs, setting)
            call = compiled.call
            error = (call(*inputs) - expected).abs().max().item()
            facts = compiled.facts
            ran = ", ".join(filter(None, (facts.name, facts.path, facts.isa, facts.fallback)))
            print(f"B={batch_size:<5} {engine} {name} ran as {ran}, probabilities within {error:.1e} of the peer's")
            sides[f"{engine} {name}"] = turning(
                lambda batch, call=call: call(batch.dense_BI, batch.row_N, batch.offset_K), batches
            )
    return sides


def compare(
    batch_size: int, arguments: argparse.Namespace, config: DlrmConfig, tables: dict[str, Tensor]
) -> dict[str, list[float]]:
    """Return the samples per second of each side, round by round; the first one, which warms up, is not among them."""
    source = reference_batches(
        batch_size=batch_size, dense=config.bottom[0], table_rows=config.table_rows, most=MOST_IDS, seed=_SEED, shard=0
    )
    batches = list(itertools.islice(source, max(4, min(512, 8_192 // batch_size))))
    sides = sides_of(batches, arguments, config, tables)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(arguments.rounds + 1):
        for name, side in sides.items():
            samples_per_s = side(arguments.seconds)
            if turn:
                rates[name].append(samples_per_s)
    return rates


def report(batch_size: int, rates: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    """Print a line for each side and return the medians of its ratio and of its share of the roofline, 0 if unknown."""
    medians = {}
    for name, values in rates.items():
        ratios = [ours / peer for ours, peer in zip(values, rates[_PEER], strict=True)]
        ceiling = rates.get(f"roofline {name.split()[-1]}")
        shares = [] if ceiling is None else [rate / top for rate, top in zip(values, ceiling, strict=True)]
        medians[name] = statistics.median(ratios), statistics.median(shares or [0.0])
        share = f"{100 * medians[name][1]:4.0f} % of the roofline" if shares else ""
        print(
            f"B={batch_size:<5} {name:18} {statistics.median(values):10,.0f} samples/s "
            f"[{min(values):,.0f} .. {max(values):,.0f}]  {medians[name][0]:5.2f}x "
            f"[{min(ratios):.2f} .. {max(ratios):.2f}]  n={len(values)}  {share}"
        )
    return medians


def judge(medians_by_size: dict[int, dict[str, tuple[float, float]]], arguments: argparse.Namespace) -> bool:
    """Print what is held against each ratio (by batch size) and return whether all reach a limit."""
    is_held = True
    limits = f"{arguments.limit_ratio:g}x or {arguments.limit_share:.0%} of the roofline"
    for batch_size, medians in medians_by_size.items():
        for precision, targets in _TARGETS.items():
            side, target = f"{arguments.engine[-1]} {precision}", targets.get(batch_size)
            if side not in medians:
                continue
            ratio, share = medians[side]
            words = [f"B={batch_size:<5} {precision} {ratio:.2f}x:"]
            if precision == "fp32" and batch_size >= arguments.limit_from:
                holds = ratio >= arguments.limit_ratio or share >= arguments.limit_share
                is_held = is_held and holds
                words.append(f"limit {limits} {'held' if holds else 'NOT held'},")
            if target is not None:
                words.append(f"target {target:g}x {'reached' if ratio >= target else 'missed on this host'}")
            print(" ".join(words).rstrip(","))
    return is_held


def _precisions() -> list[str]:
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # not on AVX2 alone, nor on Arm before 8.6
    return ["fp32", "bfloat16"] if has_bfloat16 else ["fp32"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 16, 128, 1024])
    parser.add_argument("--threads", type=int, default=2)
    # Not bfloat32: its switch is the whole process's, so the reference would have it, too.
    parser.add_argument("--precision", nargs="+", default=_precisions(), choices=list(_TARGETS), help="as oneDNN has")
    parser.add_argument("--engine", nargs="+", default=["eager", "pinned"], choices=["pinned", "eager", "inductor"])
    parser.add_argument("--table-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--limit-ratio", type=float, default=1.05, help="of ours to the reference, fp32")
    parser.add_argument("--limit-share", type=float, default=0.95, help="of the roofline, which is enough, too")
    parser.add_argument("--limit-from", type=int, default=16, help="smallest batch size that the limit is for")
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    config = model_config(arguments.table_rows)
    fp32_RD = tables_of(config, NumpyOrigin(config, _SEED), arguments.threads)
    tables = {"fp32": fp32_RD}
    for name in arguments.precision:
        tables[name] = fp32_RD.to(load_plugin(precisions, name).TABLE_DTYPE)
        peak = gemm_peak_flop_per_s(load_plugin(precisions, name).MULTIPLY_DTYPE)
        print(f"GEMM peak {name}: {peak / GIGA:.0f} GFLOP/s on {arguments.threads} threads")
    watch = Watch()
    medians = {size: report(size, compare(size, arguments, config, tables)) for size in arguments.batch_size}
    is_held = judge(medians, arguments)
    return watch.exit_code(is_held)


if __name__ == "__main__":
    sys.exit(main())
