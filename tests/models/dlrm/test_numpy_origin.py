"""Weights of numpy's stream against the reference's own, and against plain numpy."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pinbench.worker.models.dlrm import numpy_origin
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.numpy_origin import NumpyOrigin
from pinbench.worker.models.dlrm.rows import bfloat16_bits
from pinbench.worker.recipes.dlrm_v2 import model_config

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "wsf_r1000_b16.npz"


def filled(origin: NumpyOrigin, config: DlrmConfig, dtype: type = np.float32) -> np.ndarray:
    tables_RD = np.zeros((sum(config.table_rows), config.embedding_dim), dtype)
    with ThreadPoolExecutor(3) as pool:
        origin.fill(tables_RD, pool)
    return tables_RD


def small() -> DlrmConfig:
    return make_config(
        embedding_dim=3, bottom="5-3", over="4-1", table_rows=(7, 5000, 1, 2048), interaction="dot"
    )  # fmt: skip


def plain_tables(config: DlrmConfig, random: np.random.RandomState) -> np.ndarray:
    bounds = [np.sqrt(1 / rows) for rows in config.table_rows]
    tables = [
        random.uniform(low=-bound, high=bound, size=(rows, config.embedding_dim)).astype(np.float32)
        for bound, rows in zip(bounds, config.table_rows, strict=True)
    ]
    return np.concatenate(tables)


def test_all_weights_are_the_reference_s_to_the_last_bit():
    config = model_config(1000)
    origin = NumpyOrigin(config, 727)
    digest = hashlib.sha256()
    for table, rows_RD in enumerate(np.split(filled(origin, config), 8)):
        digest.update(f"emb_l.{table}.weight".encode() + rows_RD.tobytes())
    for name, weight in origin.stacks().items():
        digest.update(name.encode() + weight.numpy().tobytes())
    with np.load(GOLDEN) as golden:
        assert digest.hexdigest() == str(golden["weights_sha256"])


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_tables_of_any_size_are_those_of_one_stream(pieces, monkeypatch):
    monkeypatch.setattr(numpy_origin, "_PIECES", pieces)
    config = small()
    origin, random = NumpyOrigin(config, 11), np.random.RandomState(11)
    expected_RD = plain_tables(config, random)
    assert np.array_equal(filled(origin, config), expected_RD)
    weight_OI = random.normal(0.0, np.sqrt(2 / 8), size=(3, 5)).astype(np.float32)
    assert np.array_equal(origin.stacks()["bot_l.0.weight"].numpy(), weight_OI)
    assert np.array_equal(origin.rows(1, 2400, 4700), expected_RD[7 + 2400 : 7 + 4700])
    assert np.array_equal(origin.rows(3, 2047, 2048), expected_RD[-1:])


def test_bfloat16_tables_are_the_rounded_ones():
    config = small()
    expected_RD = bfloat16_bits(filled(NumpyOrigin(config, 11), config))
    assert np.array_equal(filled(NumpyOrigin(config, 11), config, np.uint16), expected_RD)
