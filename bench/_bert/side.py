"""One side of the comparison in a process of its own: prepares, says what it is, then takes a step when told to.

It reads lines from stdin and answers each with the seconds that a step took, and those of all its processors. Its
logits go to a file.
"""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from _side import serve
from torch import Tensor

from _bert.peers import PEERS
from pinbench.base.cache import cache_folder
from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Precision
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.squad.batch import TextBatch, padded, without_padding
from pinbench.worker.executable import Setting
from pinbench.worker.models.bert.config import BERT_LARGE, BertConfig
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.models.bert.origin import SeededOrigin
from pinbench.worker.models.bert.packed import PackedBert
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.peak import PEAK_FLOP, packed_peak_product

PEAK = "peak"  # the matrix rate of the precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a side is told on its command line."""

    name: str  # an engine of the suite, one of PEERS, or PEAK
    precision: str
    batch_size: int
    length: int
    layers: int
    cpus: tuple[int, ...]
    logits: str  # the file that gets them

    @property
    def config(self) -> BertConfig:
        """BERT-Large with so many layers."""
        return BertConfig(**{**asdict(BERT_LARGE), "num_hidden_layers": self.layers})

    @property
    def flop(self) -> float:
        """Of a step."""
        return PEAK_FLOP if self.name == PEAK else self.config.flops([self.length] * self.batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a side says before the race; `skipped` is the reason why it takes no part."""

    skipped: str | None = None
    runs_as: str | None = None


def _batches(work: Work) -> tuple[TextBatch, TextBatch]:
    """Return the same full sequences without padding, and as rows of their own length."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(0, BERT_LARGE.vocab_size, (work.batch_size, work.length), generator=draw).tolist()
    begins = [min(16, work.length - 1)] * work.batch_size
    return without_padding(ids, begins), padded(ids, begins, work.length)


def _ours(work: Work) -> tuple[Callable[[], Tensor], str]:
    engine, precision = load_plugin(engines, work.name), load_plugin(precisions, work.precision)
    asked = Precision(work.precision)
    engine.require(asked)
    if not engine.NEEDS_GRAPH:
        load_plugin(engines, "eager").require(asked)
    packed, full = _batches(work)
    rows = f"{work.batch_size} sequences of {work.length}"
    calibration = Calibration(feed=lambda model: model(*full.inputs), model=f"BERT {work.config}, seed 0", rows=rows)
    model = BertForQuestions(work.config, SeededOrigin(work.config, 0))
    applied = precision.apply(model, calibration if precision.IS_CALIBRATED else None)
    inputs = full.inputs if engine.NEEDS_GRAPH else packed.inputs
    setting = Setting(
        precision=asked,
        cpus=work.cpus,
        cache=cache_folder(os.environ),
        max_cpu_isa=os.environ.get("ONEDNN_MAX_CPU_ISA"),
    )
    executable = engine.compile(applied if engine.NEEDS_GRAPH else PackedBert(applied, len(inputs[0])), inputs, setting)
    facts = executable.facts
    return lambda: executable.call(*inputs), f"{facts.name} {facts.path or ''}".rstrip()


def _prepare(work: Work) -> tuple[Ready, Callable[[str], str]]:
    torch.set_num_threads(len(work.cpus))
    if work.name == PEAK:
        load_plugin(engines, "eager").require(Precision(work.precision))
        product = packed_peak_product(load_plugin(precisions, work.precision).MULTIPLY_DTYPE)
        return Ready(), lambda _: _timed(product)
    if work.name in PEERS:
        call, runs_as = PEERS[work.name](work.config, _batches(work)[1], work.precision, len(work.cpus)), None
    else:
        call, runs_as = _ours(work)
    torch.save(call().float().reshape(-1, 2).clone(), work.logits)
    return Ready(runs_as=runs_as), lambda _: _timed(call)


def _timed(call: Callable[[], Tensor]) -> str:
    """Make a step; return its seconds, and those of all its processors."""
    begin, processor_begin = time.perf_counter(), time.process_time()
    call()
    return f"{time.perf_counter() - begin} {time.process_time() - processor_begin}"


if __name__ == "__main__":
    serve(__doc__, Work, Ready, _prepare)
