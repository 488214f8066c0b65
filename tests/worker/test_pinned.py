"""The engine that runs our own operators: which path, what it says of itself, and when it leaves the model to eager."""

import os

import pytest
import torch
from engine_calls import executable
from fake_compiler import FakeCompiler

from pinbench.base.cache import cache_folder
from pinbench.contract.case import Isa
from pinbench.worker.engine import pinned
from pinbench.worker.executable import Executable
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.ops import operators
from pinbench.worker.ops.isa import useful
from pinbench.worker.precision import int8


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def model(interaction: str = "dot") -> Dlrm:
    torch.manual_seed(0)
    config = make_config(
        embedding_dim=16, bottom="13-32-16", over="64-24-1", table_rows=(40,) * 26, interaction=interaction
    )
    return Dlrm(config, torch.rand(26 * 40, 16) - 0.5)


def batch(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(samples, 13), torch.randint(40, (samples, 26))


def agrees(compiled: Executable, samples: int, interaction: str = "dot") -> bool:
    inputs = batch(samples)
    return torch.allclose(compiled.call(*inputs), model(interaction)(*inputs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 16, 64])
def test_a_small_batch_tries_both_paths_and_takes_the_faster_one(samples):
    compiled = executable(pinned, model().for_inference(samples), samples)
    facts = compiled.facts
    assert facts.name == "pinned"
    assert facts.fallback is None
    assert set(facts.trial_s) == {"layers", "chain"}
    assert facts.path == min(facts.trial_s, key=facts.trial_s.__getitem__)
    assert facts.isa == useful(torch.float32)[-1]
    assert agrees(compiled, samples)


@pytest.mark.parametrize("winner", ["layers", "chain"])
def test_the_path_that_the_trial_found_faster_is_what_runs_and_what_is_said(monkeypatch, winner):
    monkeypatch.setattr(pinned, "best_seconds", lambda calls: {name: float(name != winner) for name in calls})
    compiled = executable(pinned, model(), 4)
    assert compiled.facts.path == winner
    names = {"layers": ["lookup_dots"], "chain": ["lookup_dots", "chain"]}[winner]
    assert [kernel.primitive for kernel in compiled.own_kernels] == names
    assert {kernel.implementation for kernel in compiled.own_kernels} == {f"pinbench:{useful(torch.float32)[-1]}"}
    assert {kernel.types for kernel in compiled.own_kernels} == {"src:f32 wei:f32 dst:f32"}
    assert [kernel.calls for kernel in compiled.own_kernels[1:]] == [4] * (winner == "chain")
    assert agrees(compiled, 4)


def test_a_large_batch_and_an_amx_label_are_onednns():
    large = executable(pinned, model(), 300)
    assert (large.facts.path, dict(large.facts.trial_s)) == ("layers", {})
    assert agrees(large, 300)
    tiles = executable(pinned, model(), 1, isa=Isa.AMX)
    assert (tiles.facts.path, dict(tiles.facts.trial_s)) == ("layers", {})


def test_products_that_may_be_of_bfloat16_are_onednns(monkeypatch):
    monkeypatch.setattr(pinned, "multiplies_in_bfloat16", lambda: True)
    assert executable(pinned, model(), 1).facts.path == "layers"


def quantised() -> Dlrm:
    torch.manual_seed(0)
    config = make_config(embedding_dim=16, bottom="13-32-16", over="64-24-1", table_rows=(40,) * 26, interaction="dot")
    plain = Dlrm(config, (torch.rand(26 * 40, 16) - 0.5).bfloat16(), torch.float32)
    calibration = Calibration(feed=lambda fed: fed(*batch(64)), model="small", rows="64 rows")
    return int8.apply(plain, calibration)


@pytest.fixture
def scales_here(monkeypatch, tmp_path):
    """Scales are kept elsewhere than the operators, which need not be built again."""
    library = cache_folder(os.environ)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return library


@pytest.mark.parametrize("winner", ["layers", "chain"])
@pytest.mark.parametrize("isa", [Isa.ANY, Isa.AMX])
def test_a_quantised_model_has_both_paths_and_says_what_multiplies(monkeypatch, scales_here, winner, isa):
    monkeypatch.setattr(pinned, "best_seconds", lambda calls: {name: float(name != winner) for name in calls})
    whole = quantised()
    inputs = batch(4)
    expected_B = whole(*inputs)
    compiled = executable(pinned, whole.for_inference(4), 4, isa=isa, cache=scales_here)
    best = useful(torch.int8)[-1]
    path = "layers" if isa is Isa.AMX else winner  # a label of AMX is for oneDNN alone to keep
    assert (compiled.facts.name, compiled.facts.path, compiled.facts.isa) == ("pinned", path, best)
    told = [(kernel.primitive, kernel.types) for kernel in compiled.own_kernels]
    lookup, chain = ("lookup_dots", "src:bf16 wei:bf16 dst:bf16"), ("chain", "src:u8 wei:s8 dst:u8")
    assert told == ([lookup, chain] if path == "chain" else [lookup])
    assert {kernel.implementation for kernel in compiled.own_kernels} == {f"pinbench:{best}"}
    # bfloat16 dots that are summed in another order may take the neighbouring code.
    assert torch.allclose(compiled.call(*inputs), expected_B, rtol=0, atol=5e-3)


def test_a_large_quantised_batch_is_onednns(scales_here):
    whole = quantised()
    inputs = batch(300)
    expected_B = whole(*inputs)
    large = executable(pinned, whole, 300, cache=scales_here)
    assert (large.facts.path, dict(large.facts.trial_s)) == ("layers", {})
    assert torch.allclose(large.call(*inputs), expected_B, rtol=0, atol=5e-3)


def test_a_limit_of_onednn_holds_for_our_kernels_too():
    compiled = executable(pinned, model(), 3, max_cpu_isa="SSE41")
    assert compiled.facts.isa == "generic"
    assert agrees(compiled, 3)


def test_a_model_of_another_kind_runs_in_eager_and_the_facts_say_why():
    compiled = executable(pinned, model("cat").for_inference(5), 5)
    assert compiled.facts.name == "eager"
    assert compiled.facts.fallback.startswith("not pinned: the operators compute pairwise dots")
    assert agrees(compiled, 5, "cat")


def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "_loaded", {})


def test_without_a_compiler_eager_runs_and_the_facts_say_so(monkeypatch, tmp_path):
    fresh_process(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    compiled = executable(pinned, model(), 8)
    assert compiled.facts.name == "eager"
    assert compiled.facts.fallback == "not pinned: there is no C++ compiler on PATH (g++, c++, clang++)"
    assert agrees(compiled, 8)


def test_a_library_that_cannot_be_loaded_is_built_once_more_and_then_given_up(monkeypatch, tmp_path):
    fresh_process(monkeypatch)
    fake = FakeCompiler(tmp_path / "bin")  # what it makes is no library
    monkeypatch.setenv("PATH", fake.path)
    compiled = executable(pinned, model(), 8, cache=tmp_path / "cache")
    assert compiled.facts.name == "eager"
    assert "operators.so cannot be loaded" in compiled.facts.fallback
    assert len([call for call in fake.calls if "-shared" in call]) == 2
