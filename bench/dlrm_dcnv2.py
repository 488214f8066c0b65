"""DLRM-DCNv2 (DLRMv2-PyTorch-Public) in our engines against torchrec's algorithm, in turn: samples/s and ratios.

The peer is torchrec's own DLRM_DCN in PyTorch eager, fp32, where torchrec and FBGEMM are installed; elsewhere what it
computes, written here as torchrec arranges it: an EmbeddingBag a table, nn.Linear, and the cross network by plain
products. Which of the two it was is printed. All sides get the same weights and samples, each in its own form. A round
runs each side for --seconds; the ratio of a round is ours over the peer's of the same round. The roofline is measured
in each round: products at oneDNN's best rate of the model's own layers, rows at the rate of a gather, not overlapped.
Exit code 1 when the last engine has, in fp32 and from --limit-from on, a median ratio below --limit-ratio and less than
--limit-share of the roofline.

    python bench/dlrm_dcnv2.py --batch-size 16 128 --threads 2 --engine pinned
"""

import argparse
import importlib.util
import itertools
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _dlrm.dcn_peer import as_torchrec_arranges_it, by_torchrec
from _dlrm.reference import tables_of
from _dlrm.roofline import Roofline
from _quiet import Watch
from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Precision
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import synthetic_batches
from pinbench.worker.data.criteo.format.multihot import HOTS, num_embeddings
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.rows import SeededOrigin

_PEER, _CEILING = "peer fp32", "roofline"
_ALPHA = 1.05

Rate = Callable[[float], float]  # of seconds: samples a second


def turning(call: Callable[[Batch], Tensor], batches: Sequence[Batch]) -> Rate:
    """Return what runs `call` on all batches in turn, going on where it stopped the last time."""
    source, size = itertools.cycle(batches), len(batches[0].dense_BI)

    def run(seconds: float) -> float:
        steps, begin = 0, perf_counter()
        while (elapsed := perf_counter() - begin) < seconds or not steps:
            call(next(source))
            steps += 1
        return steps * size / elapsed

    return run


def ceiling(roofline: Roofline, config: DlrmConfig) -> Rate:
    def run(seconds: float) -> float:
        flop_per_s, rows_per_s = roofline.measure(seconds)
        return 1 / (config.flops_per_sample / flop_per_s + config.num_ids / rows_per_s)

    return run


def sides_of(batch_size: int, arguments: argparse.Namespace, config: DlrmConfig, tables_RD: Tensor) -> dict[str, Rate]:
    count = max(2, min(64, 2_048 // batch_size))
    batches = synthetic_batches(
        batch_size=batch_size,
        count=count,
        table_rows=config.table_rows,
        alpha=_ALPHA,
        seed=0,
        shard=0,
        hots=config.hots,
    )
    stacks, first = SeededOrigin(config, 0).stacks(), batches[0]
    has_torchrec = importlib.util.find_spec("torchrec") is not None and not arguments.plain
    peer = (by_torchrec if has_torchrec else as_torchrec_arranges_it)(config, tables_RD, stacks, batches)
    expected = peer(first).clone()
    who = "torchrec's own modules" if has_torchrec else "its algorithm, written here (no torchrec)"
    print(f"B={batch_size:<5} the peer is {who}")
    sides = {_PEER: turning(peer, batches), _CEILING: ceiling(Roofline(config, tables_RD, batch_size), config)}
    cpus = tuple(sorted(os.sched_getaffinity(0)))
    precision = load_plugin(precisions, "fp32")
    for name in arguments.engine:
        model = Dlrm(config, tables_RD, precision.ACTIVATION_DTYPE)
        model.load_stacks(stacks)
        engine = load_plugin(engines, name)
        setting = Setting(precision=Precision.FP32, cpus=cpus, cache=cache_folder(os.environ))
        ready = model if engine.NEEDS_GRAPH else model.for_inference(batch_size)
        compiled = engine.compile(ready, (first.dense_BI, first.sparse_BF), setting)
        error = (torch.logit(compiled.call(first.dense_BI, first.sparse_BF)) - expected).abs().max().item()
        ran = ", ".join(filter(None, (compiled.facts.name, compiled.facts.isa, compiled.facts.fallback)))
        print(f"B={batch_size:<5} {name} ran as {ran}, logits within {error:.1e} of the peer's")
        if not error < precision.LOGIT_TOLERANCE:
            raise SystemExit(f"{name} computes something else than the peer")
        call = compiled.call
        sides[f"{name} fp32"] = turning(lambda batch, call=call: call(batch.dense_BI, batch.sparse_BF), batches)
    return sides


def compare(batch_size: int, arguments: argparse.Namespace, config: DlrmConfig, tables_RD: Tensor) -> bool:
    """Print a line for each side, and return whether the last one holds its limit."""
    sides = sides_of(batch_size, arguments, config, tables_RD)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(arguments.rounds + 1):  # the first round warms up
        for name, side in sides.items():
            samples_per_s = side(arguments.seconds)
            if turn:
                rates[name].append(samples_per_s)
    ratio = share = 0.0
    for name, values in rates.items():
        ratios = [ours / peer for ours, peer in zip(values, rates[_PEER], strict=True)]
        shares = [ours / top for ours, top in zip(values, rates[_CEILING], strict=True)]
        ratio, share = statistics.median(ratios), statistics.median(shares)
        print(
            f"B={batch_size:<5} {name:14} {statistics.median(values):9,.1f} samples/s "
            f"[{min(values):,.1f} .. {max(values):,.1f}]  {ratio:5.2f}x [{min(ratios):.2f} .. {max(ratios):.2f}]  "
            f"n={len(values)}  {100 * share:4.0f} % of the roofline"
        )
    if batch_size < arguments.limit_from:  # both sides mostly call, which tells of the load of the host
        return True
    holds = ratio >= arguments.limit_ratio or share >= arguments.limit_share
    limit = f"limit {arguments.limit_ratio:g}x or {arguments.limit_share:.0%} of the roofline"
    print(f"B={batch_size:<5} {arguments.engine[-1]} fp32 {ratio:.2f}x: {limit} {'held' if holds else 'NOT held'}")
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engine", nargs="+", default=["eager", "pinned"], choices=["pinned", "eager", "inductor"])
    parser.add_argument("--max-ind-range", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument(
        "--plain", action="store_true", help="take the algorithm as written here even where torchrec is"
    )
    parser.add_argument("--limit-ratio", type=float, default=1.05, help="of ours to the peer, fp32")
    parser.add_argument("--limit-share", type=float, default=0.9, help="of the roofline, which is enough, too")
    parser.add_argument("--limit-from", type=int, default=16, help="smallest batch size that the limit is for")
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    config = make_config(
        embedding_dim=128, bottom="13-512-256-128", over="1024-1024-512-256-1",
        table_rows=num_embeddings(arguments.max_ind_range), interaction="dcn", hots=HOTS, cross_layers=3,
        cross_rank=512,
    )  # fmt: skip
    tables_RD = tables_of(config, SeededOrigin(config, 0), arguments.threads)
    watch = Watch()
    held = [compare(batch_size, arguments, config, tables_RD) for batch_size in arguments.batch_size]
    return watch.exit_code(all(held))


if __name__ == "__main__":
    sys.exit(main())
