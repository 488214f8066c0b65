"""The recipe on a small model: what it hands to the loop, and what it refuses before it makes weights."""

import json
import os
from dataclasses import asdict, replace

import pytest
import torch
from bert_models import SMALL, DrawnOrigin
from cpu_marks import needs_bfloat16
from open_gate import OpenGate
from safetensors.torch import save_file
from squad_sets import WORDS, needs_tokenizers, question, write_set

from pinbench.base.errors import DataError, ModelError, UsageError
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Variant
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import Instance, WeightSource
from pinbench.worker.engine import eager
from pinbench.worker.recipes import bert_large

CONFIG = replace(SMALL, vocab_size=len(WORDS))


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **asdict(CONFIG)}))
    save_file(DrawnOrigin(CONFIG).state(), folder / "model.safetensors")
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def order(model_dir, precision=Precision.FP32, mode=Mode.THROUGHPUT, budget_bytes=1 << 30, shards=1, **knobs):
    own = {
        "SEQUENCE_LENGTH": 24, "DOC_STRIDE": 4, "MAX_QUERY_LENGTH": 8, "N_BEST": 20, "MAX_ANSWER_LENGTH": 30,
        **({} if model_dir is None else {"MODEL_DIR": str(model_dir)}), **knobs.pop("own", {}),
    }  # fmt: skip
    chosen = {"batch_size": 2, "warmup_steps": 1, "steps": 2, "min_duration_s": 0.0, "own": own, **knobs}
    case = Case(
        workload="BERTLarge-PyTorch-Xeon-Public", name="bert", recipe="bert_large", function=Function.INFERENCE,
        mode=mode, isa=Isa.AVX, precision=precision, variant=Variant.GATED, knobs=Knobs(**chosen),
    )  # fmt: skip
    return Instance(
        index=0, case=case, shard=0, shards=shards, cpus=tuple(os.sched_getaffinity(0)), memory_nodes=(0,),
        weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=budget_bytes, env={},
    )  # fmt: skip


def prepare(*arguments, **knobs):
    return bert_large.prepare(order(*arguments, **knobs), OpenGate(), None)


def real(folder, **knobs):
    return {"data_type": DataType.REAL, "dataset_dir": str(folder), **knobs}


@pytest.mark.parametrize(
    "precision", [Precision.FP32, pytest.param(Precision.BFLOAT16, marks=needs_bfloat16), Precision.INT8]
)
@pytest.mark.parametrize("engine", ["eager", "pinned"])
def test_the_step_computes_and_the_check_finds_it_close_to_fp32(model_dir, precision, engine):
    gate = OpenGate()
    prepared = bert_large.prepare(order(model_dir, precision, engine=engine), gate, None)
    assert prepared.step(prepared.batches[0]).shape == (48, 2)
    quality = prepared.check()
    assert 0 <= quality.max_logit_error <= quality.tolerance
    assert quality.samples == 2
    assert gate.passed == [Barrier.WEIGHTS]
    assert prepared.engine.name == engine
    assert (set(prepared.engine.trial_s) == {"sdpa", "products", "heads"}) == (engine == "pinned")
    assert prepared.probe().kernels
    assert prepared.model.flops_per_sample == CONFIG.flops([24])
    assert prepared.model.origin.endswith("model.safetensors")
    assert (prepared.model.calibration is not None) == (precision is Precision.INT8)


def test_outputs_that_are_not_those_of_the_model_have_no_quality(model_dir, monkeypatch):
    prepared = prepare(model_dir)
    head = prepared.step.__closure__[0].cell_contents.call.head[0]
    head.bias_O += 1.0
    with pytest.raises(ModelError, match=r"outputs differ from fp32 eager by (1|0\.99)\S* in the logit, fp32 allows"):
        prepared.check()
    head.bias_O.fill_(float("nan"))
    with pytest.raises(ModelError, match="differ from fp32 eager by nan"):
        prepared.check()


def test_made_up_sequences_are_full_and_another_shard_has_others(model_dir):
    prepared = prepare(model_dir)
    assert prepared.data.name == "made-up sequences"
    assert prepared.data.detail == "random words, seed 0, mean 24.0 tokens, without padding"
    other = bert_large.prepare(replace(order(model_dir), shard=1, shards=2), OpenGate(), None)
    again = prepare(model_dir)
    assert torch.equal(prepared.batches[0].inputs[0], again.batches[0].inputs[0])
    assert not torch.equal(prepared.batches[0].inputs[0], other.batches[0].inputs[0])


@needs_tokenizers
def test_real_questions_are_taken_without_padding_and_their_work_counted(model_dir, tmp_path):
    prepared = prepare(model_dir, **real(write_set(tmp_path), own={"SEQUENCE_LENGTH": 40}))
    lengths = [length for batch in prepared.batches for length in batch.lengths]
    assert len(lengths) == prepared.data.rows == 2
    assert prepared.data.detail.startswith("2 windows of 2 questions, step 4, mean ")
    assert prepared.model.flops_per_sample == CONFIG.flops(lengths) / 2 < CONFIG.flops([40])
    assert len(prepared.batches[0].inputs[0]) == sum(lengths)


@needs_tokenizers
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_accuracy_computes_each_window_once_and_scores_the_answers(model_dir, tmp_path, batch_size):
    folder = write_set(tmp_path)
    prepared = prepare(model_dir, mode=Mode.ACCURACY, steps=None, batch_size=batch_size, **real(folder))
    windows = prepared.data.rows
    assert windows > 2
    assert prepared.steps == -(-windows // batch_size)
    prepared.warm_up_step(None)
    for _ in range(prepared.steps):
        prepared.step(None)
    answers = prepared.answers()
    assert (answers.questions, answers.windows) == (2, windows)
    assert 0 <= answers.exact_match <= answers.f1 <= 1
    with pytest.raises(StopIteration):
        prepared.step(None)


@needs_tokenizers
def test_a_model_that_knows_the_answer_scores_full_marks(model_dir, tmp_path, monkeypatch):
    folder = write_set(tmp_path, [question(0, "who?", ["castle by the sea"])])
    knowing_engine(monkeypatch)
    prepared = prepare(
        model_dir, mode=Mode.ACCURACY, steps=None, batch_size=1, **real(folder, own={"SEQUENCE_LENGTH": 40})
    )
    assert prepared.steps == 1
    prepared.step(None)
    answers = prepared.answers()
    assert (answers.exact_match, answers.f1) == (1.0, 1.0)


def knowing_engine(monkeypatch):
    """Let the engine find the answer: castle is the ninth piece of the window, sea the twelfth."""

    def call(token_N, segment_N, position_N, bound_C):
        logit_N2 = torch.zeros(len(token_N), 2)
        begin = token_N.tolist().index(WORDS.index("castle"))
        assert WORDS[token_N[begin + 3]] == "sea"
        logit_N2[begin, 0] = logit_N2[begin + 3, 1] = 9.0
        return logit_N2

    whole = eager.compile
    monkeypatch.setattr(eager, "compile", lambda *arguments: replace(whole(*arguments), call=call))


@needs_tokenizers
def test_fewer_steps_score_whole_questions(model_dir, tmp_path):
    everything = prepare(model_dir, mode=Mode.ACCURACY, steps=None, batch_size=1, **real(write_set(tmp_path)))
    half = everything.data.rows // 2
    prepared = prepare(model_dir, mode=Mode.ACCURACY, steps=half + 1, batch_size=1, **real(tmp_path))
    assert prepared.steps == half
    with pytest.raises(UsageError, match="allow 1 windows, and the first question alone has more"):
        prepare(model_dir, mode=Mode.ACCURACY, steps=1, batch_size=1, **real(tmp_path))


@needs_tokenizers
def test_accuracy_wants_answers_real_questions_and_one_instance(model_dir, tmp_path):
    with pytest.raises(UsageError, match="MODE=accuracy scores answers to questions; set DATA_TYPE=real"):
        prepare(model_dir, mode=Mode.ACCURACY)
    folder = write_set(tmp_path)
    with pytest.raises(UsageError, match="set INSTANCE_NUMBER=1, not 2"):
        prepare(model_dir, mode=Mode.ACCURACY, shards=2, **real(folder, batch_size=1))
    write_set(tmp_path, [question(0, "who?", [])])
    with pytest.raises(DataError, match="1 of 1 questions have no answers"):
        prepare(model_dir, mode=Mode.ACCURACY, **real(folder, batch_size=1))


@pytest.mark.parametrize(
    ("knobs", "kind", "words"),
    [
        ({"own": {"SEQUENCE_LENGTH": 41}}, UsageError, "SEQUENCE_LENGTH=41 is more than the 40 positions of the model"),
        ({"own": {"MODEL_DIR": "/absent"}}, ModelError, "MODEL_DIR=/absent: cannot read config.json"),
        ({"budget_bytes": 100_000}, ModelError, "the weights take .* while they are packed, this instance may take 97"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_weights_are_made(model_dir, knobs, kind, words):
    gate = OpenGate()
    with pytest.raises(kind, match=words) as refused:
        bert_large.prepare(order(model_dir, **knobs), gate, None)
    assert "\n" not in str(refused.value)
    assert "weights" not in gate.phases


@needs_tokenizers
def test_the_vocabulary_of_another_model_is_refused(model_dir, tmp_path):
    folder = write_set(tmp_path, words=[*WORDS, "more"])
    with pytest.raises(ModelError, match="has 26 words, but the model has a table of 25"):
        prepare(model_dir, **real(folder))


def test_products_that_are_too_small_for_onednn_are_left_to_pytorch_and_that_is_told(model_dir, monkeypatch):
    monkeypatch.setenv("TORCH_MKLDNN_MATMUL_MIN_DIM", "47")
    own = {"TORCH_MKLDNN_MATMUL_MIN_DIM": 47}
    prepared = prepare(model_dir, engine="eager", own=own)
    # 48 tokens, 48 wide: above 47, so all four products of three layers are packed; the head always is
    assert prepared.engine.settings == {"TORCH_MKLDNN_MATMUL_MIN_DIM": "47", "packed_products": "13"}
    plain = prepare(model_dir, engine="eager", own={"TORCH_MKLDNN_MATMUL_MIN_DIM": 48})
    assert plain.engine.settings["packed_products"] == "1"
    assert plain.check().max_logit_error <= plain.check().tolerance
    assert "packed_products" not in prepare(model_dir, engine="pinned", own=own).engine.settings
