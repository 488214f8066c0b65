"""BERT-Large beside the engines that others would take, and its share of the matrix rate: ``bert_large.py [options]``.

All sides compute the same sequences of random words with the same random weights, in turn, round after round, in this
one process; each is compared with the first. Those whose packages are not installed are left out and named.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _quiet import Watch
from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.base.errors import PinbenchError
from pinbench.base.plugin import load_plugin
from pinbench.base.units import GIGA
from pinbench.contract.case import Precision
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.squad.batch import TextBatch, padded, without_padding
from pinbench.worker.executable import Setting
from pinbench.worker.models.bert.config import BERT_LARGE, BertConfig
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.models.bert.origin import SeededOrigin
from pinbench.worker.models.bert.packed import PackedBert
from pinbench.worker.models.bert.tensors import expected_shapes
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s

_TRANSFORMERS = "transformers"
Call = Callable[[], Tensor]


def sequences(batch_size: int, length: int) -> tuple[TextBatch, TextBatch]:
    """Return the same full sequences without padding and padded (to their own length)."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(0, BERT_LARGE.vocab_size, (batch_size, length), generator=draw).tolist()
    begins = [16] * batch_size
    return without_padding(ids, begins), padded(ids, begins, length)


def ours(engine_name: str, precision_name: str, config: BertConfig, batches: tuple[TextBatch, TextBatch]) -> Call:
    """Return a step of one of the suite's engines."""
    engine, precision = load_plugin(engines, engine_name), load_plugin(precisions, precision_name)
    engine.require(Precision(precision_name))
    if not engine.NEEDS_GRAPH:
        load_plugin(engines, "eager").require(Precision(precision_name))
    packed, full = batches
    origin = SeededOrigin(config, 0)
    rows = f"{len(full.lengths)} sequences of {full.lengths[0]}"
    calibration = Calibration(feed=lambda model: model(*full.inputs), model=f"BERT {config}, seed 0", rows=rows)
    applied = precision.apply(BertForQuestions(config, origin), calibration if precision.IS_CALIBRATED else None)
    inputs = full.inputs if engine.NEEDS_GRAPH else packed.inputs
    setting = Setting(
        precision=Precision(precision_name),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        cache=cache_folder(os.environ),
        max_cpu_isa=os.environ.get("ONEDNN_MAX_CPU_ISA"),
    )
    executable = engine.compile(applied if engine.NEEDS_GRAPH else PackedBert(applied, len(inputs[0])), inputs, setting)
    print(f"{engine_name} {precision_name} ran as {executable.facts.name} {executable.facts.path or ''}".rstrip())
    return lambda: executable.call(*inputs)


def theirs(config: BertConfig, batch: TextBatch) -> Call:
    """Return a step of Hugging Face's model in fp32, eager with PyTorch's blocked attention, its default."""
    from transformers import BertConfig as TheirConfig
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering(TheirConfig(**asdict(config))).eval()
    origin = SeededOrigin(config, 0)
    model.load_state_dict({name: origin.tensor(name) for name in expected_shapes(config)}, assign=True)
    token_BS, segment_BS, length_B = batch.inputs
    mask_BS = (torch.arange(token_BS.shape[1])[None] < length_B[:, None]).long()

    def call() -> Tensor:
        output = model(input_ids=token_BS, token_type_ids=segment_BS, attention_mask=mask_BS)
        return torch.stack([output.start_logits, output.end_logits], dim=-1)

    return call


def sides(arguments: argparse.Namespace, config: BertConfig, batch_size: int) -> dict[str, Call]:
    """Return the sides that can run here; say of the others why not."""
    batches = sequences(batch_size, arguments.length)
    makers: dict[str, Callable[[], Call]] = {
        f"{engine} {precision}": lambda e=engine, p=precision: ours(e, p, config, batches)
        for precision in arguments.precision
        for engine in arguments.engine
    }
    if find_spec(_TRANSFORMERS) is not None:
        makers = {f"{_TRANSFORMERS} fp32": lambda: theirs(config, batches[1]), **makers}
    else:
        print(f"{_TRANSFORMERS} takes no part: it is not installed (`script/env/python bert-peers`)")
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except PinbenchError as error:
            print(f"{name} takes no part: {error}")
    return found


def race(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each step of each side; a first round, which warms up, is not among them."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            if turn:
                taken[name].append(time.perf_counter() - begin)
    return taken


def report(batch_size: int, calls: dict[str, Call], taken: dict[str, list[float]], flops: float) -> dict[str, float]:
    """Print a line for each side and return each one's best share of the matrix rate of its precision."""
    first = next(iter(calls))
    expected_N2 = calls[first]().reshape(-1, 2).clone()
    shares = {}
    for name, seconds in taken.items():
        peak = gemm_peak_flop_per_s(load_plugin(precisions, name.split()[1]).MULTIPLY_DTYPE)
        ratio = statistics.median(b / a for a, b in zip(seconds, taken[first], strict=True))
        shares[name] = batch_size * flops / min(seconds) / peak
        error = (calls[name]().reshape(-1, 2) - expected_N2).abs().max().item()
        print(
            f"B={batch_size:<3} {name:18} {batch_size / statistics.median(seconds):8.3f} samples/s "
            f"[{batch_size / max(seconds):.3f} .. {batch_size / min(seconds):.3f}] n={len(seconds)} "
            f"{ratio:5.2f}x {first}, best {shares[name]:4.0%} of {peak / GIGA:.0f} GFLOP/s, "
            f"logits differ by {error:.1e}"
        )
    return shares


def judge(shares: dict[str, float], limit: float, targets: dict[str, float]) -> bool:
    """Print what is held against the best side of each precision and return whether fp32 reaches the limit."""
    is_held = True
    for precision, target in targets.items():
        found = {name: share for name, share in shares.items() if name in (f"eager {precision}", f"pinned {precision}")}
        if not found:
            continue
        share = max(found.values())
        reached = "reached" if share >= target else "missed on this host"
        held = "" if precision != "fp32" else f"limit {limit:.0%} {'held' if share >= limit else 'NOT held'}, "
        is_held = is_held and (precision != "fp32" or share >= limit)
        print(f"{precision} {share:.0%} of its peak: {held}target {target:.0%} {reached}")
    return is_held


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1])
    parser.add_argument("--length", type=int, default=384)
    # All layers are alike, so a few of them show the share of the matrix rate in a part of the minutes.
    parser.add_argument("--layers", type=int, default=2, help=f"of {BERT_LARGE.num_hidden_layers}: all for samples/s")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", nargs="+", default=["fp32", "bfloat16", "int8"])
    parser.add_argument("--engine", nargs="+", default=["eager", "pinned"], help="also: inductor")
    parser.add_argument("--rounds", type=int, default=3)
    # Of what was reached on an AVX-512 host by packed products alone (71 %), with room for a slow one.
    parser.add_argument("--limit-share", type=float, default=0.5, help="of the fp32 matrix rate, at the least")
    parser.add_argument("--target-fp32", type=float, default=0.85, help="on a CPU with AVX-512")
    parser.add_argument("--target-bfloat16", type=float, default=0.78, help="on a CPU with AVX-512 and bfloat16")
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    sizes = {**asdict(BERT_LARGE), "num_hidden_layers": arguments.layers}
    config = BertConfig(**sizes)
    flops = config.flops([arguments.length])
    print(f"{arguments.layers} of {BERT_LARGE.num_hidden_layers} layers, sequences of {arguments.length}")
    watch = Watch()
    is_held = True
    for batch_size in arguments.batch_size:
        calls = sides(arguments, config, batch_size)
        shares = report(batch_size, calls, race(calls, arguments.rounds), flops)
        targets = {"fp32": arguments.target_fp32, "bfloat16": arguments.target_bfloat16}
        is_held = judge(shares, arguments.limit_share, targets) and is_held
    return watch.exit_code(is_held)


if __name__ == "__main__":
    sys.exit(main())
