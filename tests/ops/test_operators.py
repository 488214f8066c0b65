"""The kernels against a plain computation in float64, for every instruction set that this CPU can run."""

import pytest
import torch
from cpu_marks import needs_bfloat16
from dlrm_parts import WIDE, plain_features, plain_logits, random_batch, random_parts

from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.footprint import packed_bytes
from pinbench.worker.ops.isa import runnable, variants
from pinbench.worker.ops.operators import make_chain, make_layers, make_lookup_dots, packed_weights

_ISAS = [
    pytest.param(variant.name, marks=[] if variant.name in runnable() else pytest.mark.skip(f"no {variant.name} here"))
    for variant in variants()
]
_ALL = [*_ISAS, *(variant.name for variant in WIDE)]
# A sum of 128 products below 1/4, each rounded to 2**-24 of what has been added up.
_FP32 = 2e-6
# What bfloat16 rounds once, at the end: 2**-9 of a dot below 32; the products of pairs are rounded to fp32.
_BFLOAT16 = 32 * 2**-9


@pytest.fixture
def classes(request, isa):
    return request.getfixturevalue("wide" if isa.startswith("wide") else "operators")


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("tables", "width", "samples"),
    [
        (1, 4, 1),
        (2, 5, 3),
        (3, 16, 300),
        (7, 33, 17),
        (11, 31, 2),
        (12, 64, 9),
        (26, 128, 300),
        (27, 100, 5),
        (30, 127, 8),
    ],
)
def test_features_are_the_dense_one_and_all_dots_and_zeros(classes, isa, dtype, tables, width, samples):
    parts = random_parts(tables=tables, width=width, dtype=dtype)
    _, id_BF = random_batch(parts, samples)
    dense_BD = torch.rand(samples, width, generator=torch.Generator().manual_seed(2)).to(dtype)
    padded = parts.features + 5
    features_BW = make_lookup_dots(classes, parts, isa, padded)(dense_BD, id_BF)
    expected_BW = plain_features(parts, dense_BD, id_BF)
    assert features_BW.dtype == dtype
    assert torch.equal(features_BW[:, :width], dense_BD)
    error = (features_BW[:, : parts.features].double() - expected_BW).abs().max().item()
    assert error <= (_FP32 if dtype == torch.float32 else _BFLOAT16)
    assert features_BW[:, parts.features :].count_nonzero() == 0


@pytest.mark.parametrize("isa", _ALL)
def test_bfloat16_dots_are_rounded_once_to_the_nearest(classes, isa):
    parts = random_parts(tables=26, width=128, dtype=torch.bfloat16)
    _, id_BF = random_batch(parts, 40)
    dense_BD = torch.rand(40, 128).bfloat16()
    features_BW = make_lookup_dots(classes, parts, isa, parts.features)(dense_BD, id_BF)
    expected_BW = plain_features(parts, dense_BD, id_BF).bfloat16()
    # Sums in another order fall on the other side of a tie now and then, never further.
    assert (features_BW == expected_BW).float().mean() > 0.99
    assert torch.allclose(features_BW.double(), expected_BW.double(), rtol=2**-7, atol=1e-4)


@pytest.mark.parametrize("isa", _ALL)
def test_a_nan_in_a_row_stays_one(classes, isa):
    for dtype in (torch.float32, torch.bfloat16):
        parts = random_parts(tables=3, width=16, dtype=dtype)
        parts.tables_RD[0, 3] = float("nan")
        features_BW = make_lookup_dots(classes, parts, isa, parts.features)(
            torch.ones(1, 16, dtype=dtype), torch.zeros(1, 3, dtype=torch.int64)
        )
        assert features_BW.isnan().sum() == 3  # of the six dots those with the first table


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize(("table", "id_"), [(0, -1), (2, 15), (25, 1 << 40)])
def test_an_id_that_is_no_row_is_refused_by_every_path(classes, isa, table, id_):
    parts = random_parts(tables=26, width=16)
    dense_BI, id_BF = random_batch(parts, 6)
    id_BF[4, table] = id_
    for call in (
        lambda: make_lookup_dots(classes, parts, isa, parts.features)(torch.rand(6, 16), id_BF),
        lambda: make_layers(classes, parts, isa, 6)(dense_BI, id_BF),
        lambda: make_chain(classes, parts, isa, 6)(dense_BI, id_BF),
    ):
        with pytest.raises(IndexError, match="an id is not below the rows of its table"):
            call()


def test_ids_may_lie_in_any_order_in_memory(operators):
    parts = random_parts(tables=5, width=8)
    _, id_BF = random_batch(parts, 12)
    lookup = make_lookup_dots(operators, parts, "generic", parts.features)
    dense_BD = torch.rand(12, 8)
    assert torch.equal(lookup(dense_BD, id_BF.T.contiguous().T), lookup(dense_BD, id_BF))
    assert torch.equal(lookup(dense_BD[::2], id_BF[::2]), lookup(dense_BD, id_BF)[::2])


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("samples", [1, 2, 3, 5, 6, 7, 12, 13, 16, 31])
@pytest.mark.parametrize(
    ("tables", "width", "bottom", "over"),
    [(26, 128, (13, 64), (100, 33)), (1, 4, (3,), (2,)), (4, 7, (13, 5, 9), ())],
)
def test_the_chain_gives_the_logits_of_plain_layers(classes, isa, samples, tables, width, bottom, over):
    parts = random_parts(tables=tables, width=width, bottom=bottom, over=over)
    batch = random_batch(parts, samples)
    probability_B = make_chain(classes, parts, isa, samples)(*batch)
    expected_B = plain_logits(parts, *batch).sigmoid()
    assert probability_B.shape == (samples,)
    assert (probability_B.double() - expected_B).abs().max() < 1e-6


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("samples", [1, 6, 13])
@pytest.mark.parametrize(("width", "bottom", "over"), [(128, (13, 64), (100, 33)), (5, (13, 7), (11,))])
def test_the_chain_in_bfloat16_is_off_by_no_more_than_its_roundings(classes, isa, samples, width, bottom, over):
    parts = random_parts(tables=9, width=width, bottom=bottom, over=over, dtype=torch.bfloat16)
    batch = random_batch(parts, samples)
    error_B = make_chain(classes, parts, isa, samples)(*batch).double().logit() - plain_logits(parts, *batch)
    # Four roundings to 2**-9 of hidden values of order one to ten, halved by weights of order one.
    assert 0 < error_B.abs().max() < 0.1


def test_the_chain_is_the_same_whatever_the_number_of_threads(operators):
    parts = random_parts(tables=26, width=128)
    before = torch.get_num_threads()
    outputs = []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            chain = make_chain(operators, parts, runnable()[-1], 4)
            outputs += [torch.cat([chain(*random_batch(parts, size)) for size in (1, 2, 4)])]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_a_chain_refuses_more_samples_than_it_was_made_for(operators):
    parts = random_parts(tables=2, width=8)
    with pytest.raises(RuntimeError, match="5 samples, the chain was made for 4"):
        make_chain(operators, parts, "generic", 4)(*random_batch(parts, 5))


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize(("built_for", "samples"), [(1, 1), (300, 300), (300, 17), (700, 1300)])
def test_layers_give_the_logits_of_plain_ones_for_any_number_of_samples(classes, isa, built_for, samples):
    parts = random_parts(tables=26, width=16, over=(64, 33))
    batch = random_batch(parts, samples)
    probability_B = make_layers(classes, parts, isa, built_for)(*batch)
    assert (probability_B.double() - plain_logits(parts, *batch).sigmoid()).abs().max() < 1e-6


def test_layers_without_a_hidden_one_behind_the_features_are_right_too(operators):
    parts = random_parts(tables=3, width=16, over=())
    batch = random_batch(parts, 9)
    probability_B = make_layers(operators, parts, runnable()[-1], 9)(*batch)
    assert (probability_B.double() - plain_logits(parts, *batch).sigmoid()).abs().max() < 1e-6


@needs_bfloat16
def test_layers_in_bfloat16_are_off_by_no_more_than_their_roundings(operators):
    parts = random_parts(tables=26, width=128, over=(64, 33), dtype=torch.bfloat16)
    batch = random_batch(parts, 40)
    error_B = make_layers(operators, parts, runnable()[-1], 40)(*batch).double().logit() - plain_logits(parts, *batch)
    assert 0 < error_B.abs().max() < 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda dense, ids: (dense.double(), ids), "expected 13 float32 values a sample"),
        (lambda dense, ids: (dense[:, :7], ids), "expected 13 float32 values a sample"),
        (lambda dense, ids: (dense, ids[:, :1]), "expected int64 ids of 2 tables a sample"),
        (lambda dense, ids: (dense, ids.int()), "expected int64 ids of 2 tables a sample"),
        (lambda dense, ids: (dense[:3], ids), "3 samples have dense features, 4 have ids"),
    ],
)
@pytest.mark.parametrize("make", [make_chain, make_layers])
def test_a_batch_of_another_form_is_refused(operators, make, change, message):
    parts = random_parts(tables=2, width=8)
    with pytest.raises(RuntimeError, match=message):
        make(operators, parts, "generic", 4)(*change(*random_batch(parts, 4)))


def test_kernels_that_are_not_in_the_build_are_refused_by_name(operators):
    with pytest.raises(RuntimeError, match="no kernels for avx9 in this build"):
        make_lookup_dots(operators, random_parts(tables=2, width=8), "avx9", 11)


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_chain_reads_packed_weights_where_they_lie_and_they_fit_what_is_planned_for_them(classes, isa, dtype):
    parts = random_parts(tables=26, width=33, bottom=(13, 50), over=(70, 33), dtype=dtype)
    batch = random_batch(parts, 3)
    own_B = make_chain(classes, parts, isa, 3)(*batch)
    packed = packed_weights(classes, parts, isa)
    shared = make_chain(classes, parts, isa, 3, packed)
    assert torch.equal(shared(*batch), own_B)
    packed.zero_()
    assert not torch.equal(shared(*batch), own_B)  # no copy
    sizes = make_config(embedding_dim=33, bottom="13-50-33", over="70-33-1", table_rows=(1,) * 26, interaction="dot")
    assert len(packed) <= packed_bytes(sizes)


def test_packed_weights_of_another_model_are_refused(operators):
    parts, other = (random_parts(tables=3, width=16, over=over) for over in ((40, 24), (80, 24)))
    with pytest.raises(RuntimeError, match="those of this model have"):
        make_chain(operators, parts, "generic", 1, packed_weights(operators, other, "generic"))
