"""The model against plain loops over numbers, on sizes small enough to follow."""

import math

import numpy as np
import pytest
import torch
from cpu_marks import needs_bfloat16
from engine_calls import executable

from pinbench.base.errors import UsageError
from pinbench.worker.engine import eager, pinned
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import SeededOrigin, gather_rows
from pinbench.worker.precision import bfloat16, fp32


def small_config(interaction: str = "dot") -> DlrmConfig:
    return make_config(embedding_dim=4, bottom="3-5-4", over="6-2-1", table_rows=(7, 1, 30), interaction=interaction)


def model_of(config: DlrmConfig, dtype: torch.dtype = torch.float32) -> tuple[Dlrm, SeededOrigin]:
    origin = SeededOrigin(config, seed=3)
    tables = [torch.from_numpy(origin.rows(table, 0, rows)) for table, rows in enumerate(config.table_rows)]
    model = Dlrm(config, torch.cat(tables).to(dtype))
    model.load_stacks(origin.stacks())
    return model, origin


def batch_of(config: DlrmConfig, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(1)
    dense_BI = random.random((size, config.bottom[0]), dtype=np.float32)
    sparse_BF = np.stack([random.integers(0, rows, size) for rows in config.table_rows], axis=1)
    return torch.from_numpy(dense_BI), torch.from_numpy(sparse_BF)


def layer_by_hand(inputs: list[float], weight: np.ndarray, bias: np.ndarray) -> list[float]:
    return [
        float(bias[o]) + sum(float(weight[o, i]) * value for i, value in enumerate(inputs)) for o in range(len(bias))
    ]


def probability_by_hand(
    config: DlrmConfig, origin: SeededOrigin, dense: list[float], ids: list[int], interaction: str
) -> float:
    weights = {name: weight.numpy() for name, weight in origin.stacks().items()}
    hidden = dense
    for layer in range(2):
        hidden = layer_by_hand(hidden, weights[f"bot_l.{2 * layer}.weight"], weights[f"bot_l.{2 * layer}.bias"])
        hidden = [max(value, 0.0) for value in hidden]
    features = [hidden] + [origin.rows(table, row, row + 1)[0].tolist() for table, row in enumerate(ids)]
    if interaction == "dot":
        crossed = list(hidden)
        for i in range(1, len(features)):
            crossed += [sum(a * b for a, b in zip(features[i], features[j], strict=True)) for j in range(i)]
    else:
        crossed = [value for feature in features for value in feature]
    hidden = crossed
    for layer in range(3):
        hidden = layer_by_hand(hidden, weights[f"top_l.{2 * layer}.weight"], weights[f"top_l.{2 * layer}.bias"])
        if layer < 2:
            hidden = [max(value, 0.0) for value in hidden]
    return 1 / (1 + math.exp(-hidden[0]))


@pytest.mark.parametrize("interaction", ["dot", "cat"])
@pytest.mark.parametrize("engine", [None, eager, pinned])
def test_probabilities_equal_those_of_plain_loops(interaction, engine):
    config = small_config(interaction)
    model, origin = model_of(config)
    dense_BI, sparse_BF = batch_of(config, 9)
    with torch.no_grad():
        compute = model if engine is None else executable(engine, model.for_inference(9), 9).call
        probability_B = compute(dense_BI, sparse_BF)
    for row in range(9):
        by_hand = probability_by_hand(config, origin, dense_BI[row].tolist(), sparse_BF[row].tolist(), interaction)
        assert probability_B[row].item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("interaction", ["dot", "cat"])
def test_the_fp32_reference_equals_plain_loops(interaction):
    config = small_config(interaction)
    origin = SeededOrigin(config, seed=3)
    dense_BI, sparse_BF = batch_of(config, 4)
    logits_B = reference_logits(config, origin.stacks(), dense_BI, gather_rows(origin, sparse_BF))
    for row in range(4):
        by_hand = probability_by_hand(config, origin, dense_BI[row].tolist(), sparse_BF[row].tolist(), interaction)
        assert torch.sigmoid(logits_B[row]).item() == pytest.approx(by_hand, abs=1e-6)


@needs_bfloat16
@pytest.mark.parametrize("engine", [eager, pinned])
@pytest.mark.parametrize("batch_size", [1, 3, 128])
def test_bfloat16_stays_within_its_stated_tolerance_and_is_not_fp32_in_disguise(batch_size, engine):
    config = make_config(
        embedding_dim=128,
        bottom="13-512-256-128",
        over="1024-1024-512-256-1",
        table_rows=(50,) * 26,
        interaction="dot",
    )
    dense_BI, sparse_BF = batch_of(config, batch_size)
    full, origin = model_of(config)
    half, _ = model_of(config, bfloat16.TABLE_DTYPE)
    with torch.no_grad():
        logits_B = torch.logit(full(dense_BI, sparse_BF).double())
        compute = executable(engine, bfloat16.apply(half, None).for_inference(batch_size), batch_size).call
        rounded_B = torch.logit(compute(dense_BI, sparse_BF).double())
    error = (rounded_B - logits_B).abs().max().item()
    assert 1e-5 < error < bfloat16.LOGIT_TOLERANCE
    expected_B = reference_logits(config, origin.stacks(), dense_BI, gather_rows(origin, sparse_BF)).double()
    assert (logits_B - expected_B).abs().max().item() < fp32.LOGIT_TOLERANCE


def test_flops_count_each_product_of_mlperf_dlrm_twice():
    config = make_config(
        embedding_dim=128,
        bottom="13-512-256-128",
        over="1024-1024-512-256-1",
        table_rows=(1,) * 26,
        interaction="dot",
    )
    bottom = 13 * 512 + 512 * 256 + 256 * 128
    over = 479 * 1024 + 1024 * 1024 + 1024 * 512 + 512 * 256 + 256
    assert config.flops_per_sample == 2 * (bottom + over + 351 * 128) == 4_820_224
    assert config.dense_parameters == 2_368_897


@pytest.mark.parametrize(
    ("bottom", "over", "message"),
    [
        ("13-5", "6-1", "ARCH_MLP_BOT=13-5 ends in 5"),
        ("13-4", "6-2", "ARCH_MLP_TOP=6-2 ends in 2"),
        ("13-x-4", "6-1", "got '13-x-4'"),
        ("13-0-4", "6-1", "got '13-0-4'"),
    ],
)
def test_sizes_that_do_not_fit_each_other_are_refused_by_name(bottom, over, message):
    with pytest.raises(UsageError, match=message):
        make_config(embedding_dim=4, bottom=bottom, over=over, table_rows=(3,), interaction="dot")


@pytest.mark.parametrize(("built_for", "size"), [(300, 300), (300, 17), (1000, 600), (1, 1)])
def test_the_inference_box_gives_the_numbers_of_the_plain_ones_in_chunks_and_for_smaller_batches(built_for, size):
    config = small_config()
    plain, _ = model_of(config)
    fast, _ = model_of(config)
    dense_BI, sparse_BF = batch_of(config, size)
    with torch.no_grad():
        dense_BD = plain.dense_arch(dense_BI)
        expected_BW = plain.features(dense_BD, sparse_BF)
        features_BW = fast.for_inference(built_for).features(dense_BD, sparse_BF)
    assert torch.allclose(features_BW, expected_BW, rtol=0, atol=1e-6)
