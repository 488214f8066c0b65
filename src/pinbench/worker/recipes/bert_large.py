"""BERT-Large on SQuAD: any BERT in Hugging Face's layout or random weights, made-up or real questions."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from pinbench.base.errors import ModelError, UsageError
from pinbench.base.plugin import load_plugin
from pinbench.base.units import format_bytes
from pinbench.contract.case import Case, Mode
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import Instance
from pinbench.contract.result import IsaReadback, ModelFacts, Quality
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.squad.batch import TextBatch
from pinbench.worker.engine import eager
from pinbench.worker.executable import Executable
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.bert.config import BERT_LARGE, BertConfig, read_config
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.models.bert.origin import FolderOrigin, SeededOrigin, WeightOrigin
from pinbench.worker.models.bert.packed import PackedBert
from pinbench.worker.models.bert.reference import reference_logits
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.fpmath import full_fp32
from pinbench.worker.onednn.packed_linear import PackedLinear
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import read_dispatch, read_header
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._bert_accuracy import score_once
from pinbench.worker.recipes._bert_text import Text, made_up_text, open_text
from pinbench.worker.recipes._setting import setting_of

_CHECKED = 2  # sequences: each takes as long as the textbook computation of BERT-Large does, seconds on few cores
_FP32_BYTES = 4
_WHILE_PACKING = 1.25  # copies of the weights: a layer is given up when it is packed; and what a step computes
_MIN_DIM = "TORCH_MKLDNN_MATMUL_MIN_DIM"  # which the plan hands on to the environment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    config: BertConfig
    origin: WeightOrigin
    precision: ModuleType
    calibration: Calibration | None


def prepare(instance: Instance, gate: GateClient, store_fd: int | None, _folder: Path = Path()) -> Prepared:
    """Return BERT as `instance` orders it, with all batches in memory."""
    case = instance.case
    torch.set_grad_enabled(False)
    engine: ModuleType = load_plugin(engines, case.knobs.engine)
    engine.require(case.precision)
    if not engine.NEEDS_GRAPH:
        eager.require(case.precision)  # whose packed products the model brings with it
    config = _config(case)
    _check_memory(instance, config, 2.0 if engine.NEEDS_GRAPH else _WHILE_PACKING)
    gate.phase("data")
    text = _text(instance, config)
    batches = text.batches(case, instance.shard, instance.shards, is_padded=engine.NEEDS_GRAPH)
    gate.phase("weights")
    origin = _origin(case, config)
    precision = load_plugin(precisions, case.precision)
    calibration = text.calibration(f"BERT {config}, {origin.identity}") if precision.IS_CALIBRATED else None
    model = _Model(config=config, origin=origin, precision=precision, calibration=calibration)
    module = BertForQuestions(config, origin)
    gate.wait(Barrier.WEIGHTS)
    gate.phase("engine")
    told = read_header(case.knobs.onednn_verbose)
    executable = _executable(instance, model, module, engine, batches)

    def step(batch: TextBatch) -> Tensor:
        return executable.call(*batch.inputs)

    prepared = Prepared(
        step=step,
        batches=batches,
        batch_size=case.knobs.batch_size,
        threads=executable.facts.threads or torch.get_num_threads(),
        engine=executable.facts,
        model=_facts(model, batches),
        data=text.facts(batches, is_padded=engine.NEEDS_GRAPH),
        probe=lambda: _probe(told, executable, lambda: step(batches[0]), case.knobs.onednn_verbose),
        check=lambda: _check(model, step, batches),
        gemm_peak=lambda: gemm_peak_flop_per_s(precision.MULTIPLY_DTYPE),
    )
    return score_once(prepared, instance, text) if case.mode is Mode.ACCURACY else prepared


def _config(case: Case) -> BertConfig:
    folder = case.knobs.own.get("MODEL_DIR")
    config = BERT_LARGE if folder is None else read_config(Path(str(folder)))
    positions = int(case.knobs.own["SEQUENCE_LENGTH"])
    if positions > config.max_position_embeddings:
        raise UsageError(
            f"SEQUENCE_LENGTH={positions} is more than the {config.max_position_embeddings} positions of the model; "
            f"set it to {config.max_position_embeddings} or less"
        )
    return config


def _check_memory(instance: Instance, config: BertConfig, copies: float) -> None:
    """Refuse, before anything is made, weights that do not fit so many times, in fp32 as they are drawn or read."""
    needed_bytes = int(copies * config.parameters * _FP32_BYTES)
    if needed_bytes > instance.weight_budget_bytes:
        raise ModelError(
            f"the weights take {format_bytes(needed_bytes)} while they are packed, this instance may take "
            f"{format_bytes(instance.weight_budget_bytes)}; set INSTANCE_NUMBER lower (each instance packs its own)"
        )


def _origin(case: Case, config: BertConfig) -> WeightOrigin:
    folder, seed = case.knobs.own.get("MODEL_DIR"), case.knobs.seed
    return SeededOrigin(config, seed) if folder is None else FolderOrigin(Path(str(folder)), config, seed)


def _text(instance: Instance, config: BertConfig) -> Text:
    return open_text(instance.case, config) or made_up_text(instance.case, config, instance.shard)


def _executable(
    instance: Instance, model: _Model, module: BertForQuestions, engine: ModuleType, batches: Sequence[TextBatch]
) -> Executable:
    case = instance.case
    applied = model.precision.apply(module, model.calibration)
    # The longest batch: what is sized by the inputs has room for all others.
    inputs = max(batches, key=lambda batch: len(batch.inputs[0])).inputs
    min_dim = _min_dim(case)
    ready: nn.Module = applied if engine.NEEDS_GRAPH else PackedBert(applied, len(inputs[0]), min_dim)
    executable: Executable = engine.compile(ready, inputs, setting_of(instance))
    if min_dim is None:
        return executable
    # As this process has it, so as PyTorch read it; and what it came to for the layers of the encoder.
    packed = sum(isinstance(module, PackedLinear) for module in ready.modules())
    settings = {_MIN_DIM: os.environ.get(_MIN_DIM, "unset"), "packed_products": str(packed)}
    return replace(executable, facts=replace(executable.facts, settings={**executable.facts.settings, **settings}))


def _min_dim(case: Case) -> int | None:
    """Return TORCH_MKLDNN_MATMUL_MIN_DIM where it decides: other engines than eager pack every product."""
    value = case.knobs.own.get(_MIN_DIM)
    return None if value is None or case.knobs.engine != "eager" else int(value)


def _probe(told: IsaReadback, executable: Executable, call: Callable[[], Tensor], verbosity: int) -> IsaReadback:
    """Make the process's first call and return the kernels that ran in it."""
    ran = read_dispatch(call, verbosity).kernels
    kernels = ran if executable.kernels is None else executable.kernels
    return replace(told, kernels=kernels + executable.own_kernels)


def _facts(model: _Model, batches: Sequence[TextBatch]) -> ModelFacts:
    config, weight_type = model.config, model.precision.MULTIPLY_DTYPE
    table_type = torch.bfloat16 if weight_type is torch.bfloat16 else torch.float32
    others = config.parameters - config.linear_parameters
    lengths = [length for batch in batches for length in batch.lengths]
    return ModelFacts(
        name="BERT-Large" if replace(config, vocab_size=BERT_LARGE.vocab_size) == BERT_LARGE else "BERT",
        parameters=config.parameters,
        weight_bytes=config.linear_parameters * weight_type.itemsize + others * table_type.itemsize,
        flops_per_sample=config.flops(lengths) / len(lengths),
        table_rows=config.table_rows,
        max_ind_range=None,
        weight_dtype=_name(weight_type),
        table_dtype=_name(table_type),
        origin=model.origin.name,
        calibration=None if model.calibration is None else model.calibration.rows,
    )


def _check(model: _Model, step: Callable[[TextBatch], Tensor], batches: Sequence[TextBatch]) -> Quality:
    """Compare logits with the textbook computation in fp32 on weights fresh from their origin."""
    error = spread = 0.0
    checked = list(islice(dict.fromkeys(id(batch) for batch in batches), _CHECKED))
    for batch in (batch for batch in batches if id(batch) in checked):
        logit_S2 = batch.rows(step(batch))[0].clone()
        token_S, segment_S = batch.first()
        with full_fp32():
            expected_S2 = reference_logits(model.config, model.origin, token_S, segment_S)
        difference = (logit_S2 - expected_S2).abs().max().item()
        error = difference if not difference <= error else error  # NaN stays
        spread = max(spread, expected_S2.std().item())
    tolerance = spread * float(model.precision.SPREAD_TOLERANCE)
    if not error <= tolerance:  # NaN is not below anything
        raise ModelError(
            f"outputs differ from fp32 eager by {error:g} in the logit, {model.precision.__name__.rpartition('.')[2]} "
            f"allows {tolerance:g}: the number would be of another computation"
        )
    return Quality(samples=len(checked), max_logit_error=error, tolerance=tolerance)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
