"""The compiled engine on a small model: what it compiles, how often, and without what."""

import multiprocessing
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from engine_models import logit_error, setting, small_batch, small_config, small_model

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.worker.engine import inductor
from pinbench.worker.executable import Executable
from pinbench.worker.onednn.verbose import read_dispatch
from pinbench.worker.precision import fp32

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ in PATH")
# PyTorch's exporter and compiler use parts of PyTorch that PyTorch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SIZE = 9


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the small model of seed 0, compiled once for this module."""
    folder = tmp_path_factory.mktemp("cache")
    with torch.no_grad():
        assert not compiled(folder).facts.reused
    return folder


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def compiled(cache: Path, seed: int = 0, size: int = SIZE) -> Executable:
    config = small_config()
    model, _ = small_model(config, seed=seed)
    return inductor.compile(model, small_batch(config, size), setting(cache))


@needs_compiler
def test_the_second_start_compiles_nothing_and_needs_no_compiler(cache, no_compiler):
    again = compiled(cache)
    assert again.facts.reused
    assert again.facts.compile_s > 0
    assert Path(again.facts.artefact).is_relative_to(cache / "inductor")
    config = small_config()
    assert logit_error(again, config, small_model(config)[1], SIZE) <= fp32.LOGIT_TOLERANCE


@needs_compiler
def test_its_linear_layers_are_products_of_onednn(cache):
    executable = compiled(cache)
    batch = small_batch(small_config(), SIZE)
    kernels = read_dispatch(lambda: executable.call(*batch)).kernels
    products = [kernel for kernel in kernels if kernel.primitive in ("inner_product", "matmul")]
    assert sum(kernel.calls for kernel in products) == 5
    assert {kernel.types.partition(" dst")[0] for kernel in products} == {"src:f32 wei:f32 bia:f32"}


@needs_compiler
@pytest.mark.parametrize("change", [{"seed": 1}, {"size": SIZE + 1}])
def test_other_weights_and_other_shapes_are_compiled_by_themselves(cache, no_compiler, change):
    with pytest.raises(HostError, match=r"compiles with g\+\+ or clang\+\+, and PATH has neither; install one"):
        compiled(cache, **change)


@needs_compiler
def test_the_tables_are_used_where_they_lie(cache):
    config = small_config()
    model, _ = small_model(config)
    batch = small_batch(config, SIZE)
    executable = inductor.compile(model, batch, setting(cache))
    before_B = executable.call(*batch)
    model.features.sparse_arch.tables_RD.data.mul_(3)
    assert not torch.allclose(before_B, executable.call(*batch))


def _compile_in_a_process(folder: Path) -> bool:
    warnings.simplefilter("ignore", DeprecationWarning)
    with torch.no_grad():
        return compiled(folder, seed=2).facts.reused


@needs_compiler
def test_of_two_processes_at_once_one_compiles(cache):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sorted(pool.map(_compile_in_a_process, [cache] * 2, chunksize=1)) == [False, True]


@needs_compiler
def test_a_damaged_artefact_is_compiled_again(tmp_path, cache):
    shutil.copytree(cache, tmp_path / "copy")
    artefact = Path(compiled(tmp_path / "copy").facts.artefact)
    artefact.write_bytes(artefact.read_bytes()[:-1000])
    again = compiled(tmp_path / "copy")
    assert not again.facts.reused
    config = small_config()
    assert logit_error(again, config, small_model(config)[1], SIZE) <= fp32.LOGIT_TOLERANCE


def test_without_a_compiler_and_without_artefacts_it_is_skipped_at_once(no_compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(HostError, match=r"apt-get install g\+\+\), or take ENGINE=eager"):
        inductor.require(Precision.FP32)


def test_without_a_compiler_artefacts_are_enough_to_begin(no_compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "pinbench/inductor/key/model.pt2"
    path.parent.mkdir(parents=True)
    path.touch()
    inductor.require(Precision.FP32)


def test_integers_are_not_its_own():
    with pytest.raises(HostError, match=r"ENGINE=inductor does not compute in int8: .*; it has fp32, bfloat16"):
        inductor.require(Precision.INT8)
