import json

import pytest
import torch
from torch import nn

from pinbench.worker.onednn.calibration import Calibration, best_quantization, quantizations
from pinbench.worker.onednn.quantized_linear import Quantization


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pinbench" / "calibration"


class Feeder:
    """Rows that a model is fed with, and how often that was."""

    def __init__(self, low=-1.0, high=3.0):
        self.times = 0
        self._value_BI = torch.linspace(low, high, 4096).reshape(-1, 8)

    def __call__(self, model):
        self.times += 1
        model(self._value_BI)


def calibration(feeder, rows="4,096 rows"):
    return Calibration(feed=feeder, model="a model", rows=rows)


def off(values, quantization):
    code = torch.clamp(torch.round(values / quantization.scale) + quantization.zero, 0, 255)
    return (((code - quantization.zero) * quantization.scale - values) ** 2).mean().item()


def test_the_range_of_evenly_spread_values_is_all_of_it():
    found = best_quantization(torch.linspace(-1, 3, 10_001))
    assert found.scale == pytest.approx(4 / 255, rel=0.05)
    assert found.zero == round(1 / found.scale)


def test_a_few_large_values_do_not_take_the_codes_from_the_rest():
    torch.manual_seed(0)
    values = torch.cat([torch.rand(100_000), torch.tensor([8.0, 9.0])])
    whole = Quantization(scale=9 / 255, zero=0)
    found = best_quantization(values)
    assert found.scale < whole.scale
    assert off(values, found) < 0.95 * off(values, whole)


def test_an_input_that_is_always_zero_has_a_scale():
    assert best_quantization(torch.zeros(10)).scale > 0


def test_each_layer_gets_the_range_of_its_own_input():
    first, second = nn.Linear(8, 8), nn.Linear(8, 1)
    model = nn.Sequential(first, nn.ReLU(), second)
    found = quantizations(model, [first, second], calibration(Feeder()))
    assert found[first].zero == pytest.approx(64, abs=4)
    assert found[second].zero == 0  # nothing is below 0 behind a ReLU
    assert not first._forward_pre_hooks


def test_scales_are_kept_for_the_same_model_and_rows_only(cache):
    layer, feeder = nn.Linear(8, 8), Feeder()
    found = quantizations(layer, [layer], calibration(feeder))
    assert quantizations(layer, [layer], calibration(feeder)) == found
    assert feeder.times == 1
    quantizations(layer, [layer], calibration(feeder, "other rows"))
    assert (feeder.times, len(list(cache.iterdir()))) == (2, 2)


@pytest.mark.parametrize("content", ["", "{", '{"schema": 1}', "of another"])
def test_damaged_scales_are_made_again(cache, content):
    layer, feeder = nn.Linear(8, 8), Feeder()
    found = quantizations(layer, [layer], calibration(feeder))
    (path,) = cache.iterdir()
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"identity": "another model"}) if content == "of another" else content)
    assert quantizations(layer, [layer], calibration(feeder)) == found
    assert feeder.times == 2
    assert json.loads(path.read_text()) == kept


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    layer = nn.Linear(8, 8)
    assert quantizations(layer, [layer], calibration(Feeder()))[layer].scale > 0
