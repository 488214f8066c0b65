"""The kernels of int8 against the precision's own layers, code for code, and against whole numbers.

Sums are whole numbers and the same everywhere. Only where a scaled sum lies half way between two codes, to fp32's last
digit, may two computations differ: by one code, and in few places. Here they do not.
"""

from dataclasses import replace

import pytest
import torch
from code_parts import (
    eager_layers,
    encoded,
    plain_codes,
    plain_logits_of_codes,
    random_code_parts,
    showing,
    shown_code,
)
from dlrm_parts import WIDE, plain_features, random_batch
from torch.nn import functional

from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.footprint import packed_bytes
from pinbench.worker.onednn.quantized_linear import LARGEST_CODE, largest_weight
from pinbench.worker.ops.code_operators import (
    make_code_chain,
    make_code_chain_profile,
    make_code_layers,
    make_lookup_codes,
    packed_code_weights,
)
from pinbench.worker.ops.isa import runnable, variants

_ISAS = [
    pytest.param(variant.name, marks=[] if variant.name in runnable() else pytest.mark.skip(f"no {variant.name} here"))
    for variant in variants()
]
_ALL = [*_ISAS, WIDE[0].name]
_SHARE_OF_TIES = 0.01  # of codes that float64 rounds to the other side


@pytest.fixture
def classes(request, isa):
    return request.getfixturevalue("wide" if isa.startswith("wide") else "operators")


def differing(found, expected) -> tuple[int, float]:
    """Return the largest difference of two codes and the share of those that differ."""
    off = (found.long() - expected.long()).abs()
    return int(off.max()), float((off > 0).float().mean())


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("zero", [0, 131])
@pytest.mark.parametrize(
    ("tables", "width", "samples"), [(1, 4, 1), (2, 5, 3), (7, 33, 17), (26, 128, 300), (27, 100, 5)]
)
def test_features_become_the_codes_of_their_rounded_values(classes, isa, dtype, zero, tables, width, samples):
    parts = random_code_parts(tables=tables, width=width, dtype=dtype, zero=zero)
    _, id_BF = random_batch(parts, samples)
    dense_BD = (torch.rand(samples, width, generator=torch.Generator().manual_seed(2)) * 6 - 1).to(dtype)
    code_BW = make_lookup_codes(classes, parts, isa, parts.features + 5)(dense_BD, id_BF)
    expected_BW = encoded(plain_features(parts, dense_BD, id_BF).to(dtype), parts.over.sources[0])
    assert code_BW.dtype == torch.uint8
    assert torch.equal(code_BW[:, :width].float(), expected_BW[:, :width])
    largest, share = differing(code_BW[:, : parts.features], expected_BW)
    assert largest <= 1
    assert share < _SHARE_OF_TIES  # a dot that is summed in another order
    assert code_BW[:, parts.features :].count_nonzero() == 0
    assert code_BW.unique().numel() > 3


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("samples", [1, 2, 5, 6, 13, 64])
@pytest.mark.parametrize(
    ("tables", "width", "bottom", "over"),
    [(26, 128, (13, 64), (100, 33)), (1, 4, (3,), (2,)), (4, 7, (13, 5, 9), (11, 3))],
)
def test_the_chain_gives_the_codes_of_the_precisions_own_layers(classes, isa, samples, tables, width, bottom, over):
    parts = random_code_parts(
        tables=tables, width=width, bottom=bottom, over=over, largest=largest_weight(), zero=37, dtype=torch.float32
    )
    dense_BI, id_BF = random_batch(parts, samples)
    seen = []
    for output in (0, over[-1] - 1):
        shown = showing(parts, output)
        code_B = shown_code(make_code_chain(classes, shown, isa, samples)(dense_BI, id_BF))
        dense_BD = _through(eager_layers(shown.bottom), encoded(dense_BI, shown.bottom.sources[0]))
        feature_BW = make_lookup_codes(classes, shown, isa, shown.features)(dense_BD, id_BF)
        hidden_BO = _through(eager_layers(shown.over)[:-1], feature_BW)
        assert torch.equal(code_B, hidden_BO[:, output].long())
        seen += code_B.tolist()
    assert samples < 5 or len({*seen} - {0, LARGEST_CODE}) > 1


def _through(layers, code_BI):
    padded = -(-code_BI.shape[1] // 16) * 16
    hidden = functional.pad(code_BI, (0, padded - code_BI.shape[1])).to(torch.uint8)
    for layer in layers:
        hidden = layer(hidden)
    return hidden


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("largest", [63, 127])
@pytest.mark.parametrize("samples", [1, 3, 7, 31])
@pytest.mark.parametrize(
    ("tables", "width", "bottom", "over"),
    [(26, 128, (13, 64), (100, 33)), (1, 4, (3,), (2,)), (4, 7, (13, 5, 9), (17,))],
)
def test_the_chain_gives_the_logits_of_whole_numbers(classes, isa, largest, samples, tables, width, bottom, over):
    parts = random_code_parts(tables=tables, width=width, bottom=bottom, over=over, largest=largest, zero=90)
    batch = random_batch(parts, samples)
    logit_B = make_code_chain(classes, parts, isa, samples)(*batch).double().logit()
    expected_B = plain_logits_of_codes(parts, *batch)
    assert logit_B.shape == (samples,)
    # One code of a feature that float64 rounds to the other side is some hundredths of a logit.
    assert (logit_B - expected_B).abs().max() < 0.05
    assert (logit_B - expected_B).abs().median() < 2e-5 * expected_B.abs().max()


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("samples", [1, 2, 9])
def test_the_largest_weights_and_codes_add_up_exactly(classes, isa, sign, samples):
    """All products at their largest, with one code of each in turn: two of them do not fit 16 bits."""
    parts = random_code_parts(tables=3, width=8, bottom=(13,), over=(20,))
    inputs = parts.features
    weight_OI = torch.full((20, inputs), 127 * sign, dtype=torch.int8)
    over = replace(
        parts.over, weights=(weight_OI,), biases=(torch.zeros(20),), scales=(torch.ones(20) / 127,),
        sources=(replace(parts.over.sources[0], scale=1e-6, zero=255 * (sign < 0)),),
    )  # fmt: skip
    parts = replace(parts, over=over, head_weight_I=torch.full((20,), 1e-2), head_bias=0.0)
    dense_BI, id_BF = random_batch(parts, samples)
    expected_B = plain_logits_of_codes(parts, dense_BI, id_BF)
    logit_B = make_code_chain(classes, parts, isa, samples)(dense_BI, id_BF).double().logit()
    assert ((plain_codes(parts, dense_BI, id_BF) == LARGEST_CODE) | (sign < 0)).float().mean() > 0.3
    assert torch.allclose(logit_B, expected_B, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize(("built_for", "samples"), [(1, 1), (300, 300), (300, 17), (700, 1300)])
def test_layers_give_what_the_chain_gives_for_any_number_of_samples(classes, isa, built_for, samples):
    parts = random_code_parts(tables=26, width=16, over=(64, 33), largest=largest_weight(), zero=20)
    batch = random_batch(parts, samples)
    probability_B = make_code_layers(classes, parts, isa, built_for)(*batch)
    expected_B = make_code_chain(classes, parts, isa, samples)(*batch)
    assert torch.allclose(probability_B, expected_B, rtol=0, atol=1e-6)
    assert (probability_B.double().logit() - plain_logits_of_codes(parts, *batch)).abs().median() < 1e-4


def test_the_chain_is_the_same_whatever_the_number_of_threads(operators):
    parts = random_code_parts(tables=26, width=128)
    before = torch.get_num_threads()
    outputs = []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            chain = make_code_chain(operators, parts, runnable()[-1], 4)
            outputs += [torch.cat([chain(*random_batch(parts, size)) for size in (1, 2, 4)])]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(output, outputs[0]) for output in outputs)


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize(("table", "id_"), [(0, -1), (2, 15), (25, 1 << 40)])
def test_an_id_that_is_no_row_is_refused_by_every_path(classes, isa, table, id_):
    parts = random_code_parts(tables=26, width=16)
    dense_BI, id_BF = random_batch(parts, 6)
    id_BF[4, table] = id_
    for call in (
        lambda: make_lookup_codes(classes, parts, isa, parts.features)(torch.rand(6, 16).bfloat16(), id_BF),
        lambda: make_code_layers(classes, parts, isa, 6)(dense_BI, id_BF),
        lambda: make_code_chain(classes, parts, isa, 6)(dense_BI, id_BF),
    ):
        with pytest.raises(IndexError, match="an id is not below the rows of its table"):
            call()


@pytest.mark.parametrize("make", [make_code_chain, make_code_layers])
def test_a_batch_of_another_form_is_refused(operators, make):
    parts = random_code_parts(tables=2, width=8)
    dense_BI, id_BF = random_batch(parts, 4)
    with pytest.raises(RuntimeError, match="expected 13 float32 values a sample"):
        make(operators, parts, "generic", 4)(dense_BI[:, :7], id_BF)


def test_a_chain_refuses_more_samples_than_it_was_made_for(operators):
    parts = random_code_parts(tables=2, width=8)
    with pytest.raises(RuntimeError, match="5 samples, the chain was made for 4"):
        make_code_chain(operators, parts, "generic", 4)(*random_batch(parts, 5))


def test_a_weight_that_has_no_negative_is_refused(operators):
    parts = random_code_parts(tables=2, width=8)
    parts.over.weights[0][1, 2] = -128
    with pytest.raises(RuntimeError, match="weights go from -127 to 127, one here is -128"):
        make_code_chain(operators, parts, "generic", 4)


@pytest.mark.parametrize("samples", [1, 4])
def test_the_profile_of_a_chain_has_a_time_for_each_part(operators, samples):
    parts = random_code_parts(tables=26, width=128, bottom=(13, 64), over=(100, 33))
    second_N = make_code_chain_profile(operators, parts, runnable()[-1], samples)(*random_batch(parts, samples))
    assert len(second_N) == 1 + 2 + 1 + 2 + 1  # entrance, bottom, dots, over, head
    assert (second_N > 0).all()
    assert second_N.sum() < 10


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("largest", [63, 127])
def test_a_chain_reads_packed_codes_where_they_lie_and_they_fit_what_is_planned_for_them(classes, isa, largest):
    parts = random_code_parts(tables=26, width=33, bottom=(13, 50), over=(70, 33), largest=largest, zero=3)
    batch = random_batch(parts, 3)
    own_B = make_code_chain(classes, parts, isa, 3)(*batch)
    packed = packed_code_weights(classes, parts, isa)
    shared = make_code_chain(classes, parts, isa, 3, packed)
    assert torch.equal(shared(*batch), own_B)
    packed.zero_()
    assert not torch.equal(shared(*batch), own_B)  # no copy
    sizes = make_config(embedding_dim=33, bottom="13-50-33", over="70-33-1", table_rows=(1,) * 26, interaction="dot")
    assert len(packed) <= packed_bytes(sizes)
