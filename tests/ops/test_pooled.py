"""Sums of bags and the dots of them, for every instruction set, against a plain computation in float64."""

from dataclasses import replace

import pytest
import torch
from dlrm_parts import WIDE, features_of, plain_logits_of, random_bags, random_parts, summed_rows

from pinbench.worker.ops.isa import runnable, variants
from pinbench.worker.ops.operators import make_chain, make_layers, make_lookup_dots

_ISAS = [
    pytest.param(variant.name, marks=[] if variant.name in runnable() else pytest.mark.skip(f"no {variant.name} here"))
    for variant in variants()
]
_ALL = [*_ISAS, *(variant.name for variant in WIDE)]


@pytest.fixture
def classes(request, isa):
    return request.getfixturevalue("wide" if isa.startswith("wide") else "operators")


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("tables", "width", "samples"), [(1, 4, 1), (2, 5, 3), (3, 16, 150), (8, 64, 33), (7, 131, 9), (4, 300, 5)]
)
def test_features_are_the_dense_one_and_the_dots_of_sums(classes, isa, dtype, tables, width, samples):
    parts = replace(random_parts(tables=tables, width=width, dtype=dtype, rows=(50,) * tables), pooled=True)
    row_N, offset_K = random_bags(parts, samples)
    dense_BD = torch.rand(samples, width, generator=torch.Generator().manual_seed(2)).to(dtype)
    features_BW = make_lookup_dots(classes, parts, isa, parts.features + 3)(dense_BD, row_N, offset_K)
    expected_BW = features_of(dense_BD, summed_rows(parts, row_N, offset_K))
    assert torch.equal(features_BW[:, :width], dense_BD)
    error = (features_BW[:, : parts.features].double() - expected_BW).abs() / (1 + expected_BW.abs())
    assert error.max().item() <= (1e-5 if dtype == torch.float32 else 2**-8)
    assert features_BW[:, parts.features :].count_nonzero() == 0


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("samples", [1, 2, 7, 40])
def test_every_path_computes_the_whole_model(classes, isa, samples):
    parts = replace(random_parts(tables=8, width=64, rows=(40,) * 8), pooled=True)
    row_N, offset_K = random_bags(parts, samples)
    dense_BI = torch.rand(samples, parts.inputs, generator=torch.Generator().manual_seed(3))
    expected_B = plain_logits_of(parts, dense_BI, summed_rows(parts, row_N, offset_K))
    for make in (make_layers, make_chain):
        for batch_size in (samples, samples + 3):
            probability_B = make(classes, parts, isa, batch_size)(dense_BI, row_N, offset_K)
            assert torch.allclose(probability_B.double(), torch.sigmoid(expected_B), rtol=0, atol=2e-6)


def test_a_large_batch_is_worked_through_in_parts(operators, monkeypatch):
    monkeypatch.setattr("pinbench.worker.ops.operators._CHUNK_ROWS", 16)
    monkeypatch.setattr("pinbench.worker.ops.operators._CHUNK_ROWS_A_THREAD", 1)
    parts = replace(random_parts(tables=3, width=8, rows=(40,) * 3), pooled=True)
    row_N, offset_K = random_bags(parts, 75)
    dense_BI = torch.rand(75, parts.inputs)
    expected_B = plain_logits_of(parts, dense_BI, summed_rows(parts, row_N, offset_K))
    probability_B = make_layers(operators, parts, "generic", 75)(dense_BI, row_N, offset_K)
    assert torch.allclose(probability_B.double(), torch.sigmoid(expected_B), rtol=0, atol=2e-6)


def broken(what, row_N, offset_K):
    row_N, offset_K = row_N.clone(), offset_K.clone()
    match what:
        case "of another table":
            row_N[offset_K[5]] = 0
        case "negative":
            row_N[3] = -1
        case "huge":
            row_N[-1] = 1 << 40
        case "backwards":
            offset_K[4] = offset_K[3] - 1
        case "beyond":
            offset_K[-1] = len(row_N) + 1
        case _:
            offset_K[0] = -1
    return row_N, offset_K


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("what", ["of another table", "negative", "huge", "backwards", "beyond", "before"])
def test_rows_and_offsets_that_are_none_are_refused_by_every_path(classes, isa, what):
    parts = replace(random_parts(tables=4, width=16, rows=(50,) * 4), pooled=True)
    row_N, offset_K = broken(what, *random_bags(parts, 6))
    dense_BI = torch.rand(6, parts.inputs)
    for call in (
        lambda: make_lookup_dots(classes, parts, isa, parts.features)(torch.rand(6, 16), row_N, offset_K),
        lambda: make_layers(classes, parts, isa, 6)(dense_BI, row_N, offset_K),
        lambda: make_chain(classes, parts, isa, 6)(dense_BI, row_N, offset_K),
    ):
        with pytest.raises(IndexError, match="an id is not below the rows of its table"):
            call()


@pytest.mark.parametrize("count", [0, 23, 26])
def test_offsets_of_another_number_of_bags_are_refused(operators, count):
    parts = replace(random_parts(tables=4, width=16, rows=(50,) * 4), pooled=True)
    row_N, offset_K = random_bags(parts, 6)
    wrong_K = torch.cat([offset_K, offset_K[-1:].expand(9)])[:count]
    for make in (make_layers, make_chain):
        with pytest.raises(
            RuntimeError, match=f"6 samples have dense features, expected 25 offsets of their bags, got {count}"
        ):
            make(operators, parts, "generic", 6)(torch.rand(6, parts.inputs), row_N, wrong_K)


def test_an_empty_bag_is_zero(operators):
    parts = replace(random_parts(tables=2, width=4, rows=(5, 5)), pooled=True)
    lookup = make_lookup_dots(operators, parts, "generic", parts.features)
    features_BW = lookup(torch.ones(1, 4), torch.tensor([7]), torch.tensor([0, 0, 1]))
    assert features_BW[0, 4].item() == 0.0
    assert features_BW[0, 5].item() == pytest.approx(parts.tables_RD[7].sum().item(), abs=1e-6)
