"""The model against the textbook computation, in every precision and by every path, with padding and without."""

import pytest
import torch
from bert_models import SMALL, DrawnOrigin, sequences, without_padding
from cpu_marks import needs_bfloat16

from pinbench.worker.models.bert.attention import PATHS
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.models.bert.packed import PackedBert
from pinbench.worker.models.bert.reference import reference_logits
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.precision import bfloat16, int8

LENGTHS = (17, 40, 3)


@pytest.fixture(scope="module")
def origin():
    return DrawnOrigin(SMALL)


def expected(origin, token_BS, segment_BS, length_B):
    rows = zip(token_BS, segment_BS, length_B.tolist(), strict=True)
    return torch.cat(
        [reference_logits(SMALL, origin, token[:length], segment[:length]) for token, segment, length in rows]
    )


def test_padding_changes_nothing_for_the_tokens_before_it(origin):
    inputs = sequences(SMALL, LENGTHS)
    logit_BS2 = BertForQuestions(SMALL, origin)(*inputs)
    logit_N2 = torch.cat([rows[:length] for rows, length in zip(logit_BS2, LENGTHS, strict=True)])
    assert torch.allclose(logit_N2, expected(origin, *inputs), rtol=0, atol=2e-5)


@pytest.mark.parametrize("lengths", [LENGTHS, (40, 40), (9,)], ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_every_path_without_padding_computes_the_same(origin, path, lengths):
    inputs = sequences(SMALL, lengths)
    packed = PackedBert(BertForQuestions(SMALL, origin), sum(lengths))
    assert path in packed.paths
    packed.path = path
    assert torch.allclose(packed(*without_padding(*inputs)), expected(origin, *inputs), rtol=0, atol=2e-5)


def test_a_sequence_does_not_see_the_one_beside_it(origin):
    packed = PackedBert(BertForQuestions(SMALL, origin), 20)
    first = without_padding(*sequences(SMALL, (10, 10), seed=1))
    token_N = first[0].clone()
    token_N[10:] = (token_N[10:] + 1) % SMALL.vocab_size
    other = packed(token_N, *first[1:])
    assert torch.equal(packed(*first)[:10], other[:10])
    assert not torch.equal(packed(*first)[10:], other[10:])


@needs_bfloat16
def test_bfloat16_is_close_and_its_head_stays_in_fp32(origin):
    inputs = sequences(SMALL, LENGTHS)
    packed = PackedBert(bfloat16.apply(BertForQuestions(SMALL, origin), None), sum(LENGTHS))
    logit_N2, expected_N2 = packed(*without_padding(*inputs)), expected(origin, *inputs)
    assert logit_N2.dtype == torch.float32
    assert (logit_N2 - expected_N2).abs().max() < 0.05 * expected_N2.std()


@pytest.mark.parametrize("path", PATHS)
def test_int8_is_close(origin, path, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    inputs = sequences(SMALL, LENGTHS)
    calibration = Calibration(feed=lambda model: model(*inputs), model="small", rows="these")
    packed = PackedBert(int8.apply(BertForQuestions(SMALL, origin), calibration), sum(LENGTHS))
    packed.path = path
    logit_N2, expected_N2 = packed(*without_padding(*inputs)), expected(origin, *inputs)
    error = (logit_N2 - expected_N2).abs().max()
    assert 0 < error < 0.3 * expected_N2.std()


def test_the_sizes_count_every_weight_that_there_is(origin):
    model = BertForQuestions(SMALL, origin)
    assert sum(parameter.numel() for parameter in model.parameters()) == SMALL.parameters
    linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    assert sum(p.numel() for module in linear for p in module.parameters()) == SMALL.linear_parameters


def test_the_work_is_that_of_the_tokens_that_are_there():
    # in each of 3 layers (4 * 48 * 48 + 2 * 48 * 96) for a token, 2 * 48 for a pair; the head; all twice: multiply, add
    def work(length):
        return 2 * (length * (3 * (4 * 48 * 48 + 2 * 48 * 96) + 2 * 48) + length * length * 3 * 2 * 48)

    assert SMALL.flops([7]) == work(7)
    assert SMALL.flops([7, 20]) == work(7) + work(20) < SMALL.flops([20, 20])
