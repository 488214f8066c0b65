"""One small model through every engine that this interpreter has, against the textbook computation."""

import os
from importlib import import_module
from pathlib import Path

import pytest
import torch
from engine_models import logit_error, setting, small_batch, small_config, small_model

from pinbench.base.errors import HostError
from pinbench.base.plugin import plugin_names
from pinbench.contract.case import Precision
from pinbench.worker import engine as engines
from pinbench.worker.precision import bfloat16, fp32

ENGINES = plugin_names(engines)
# PyTorch's exporter and compiler use parts of PyTorch that PyTorch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(autouse=True)
def mask_as_before():
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def engine_of(name, precision):
    """The engine, or a skip with its own reason where it cannot run."""
    engine = import_module(f"pinbench.worker.engine.{name}")
    try:
        engine.require(precision)
    except HostError as error:
        pytest.skip(str(error))
    return engine


def compiled(engine, config, precision, cache, size):
    half = precision is Precision.BFLOAT16
    model, origin = small_model(config, torch.bfloat16 if half else torch.float32)
    model = bfloat16.apply(model) if half else model
    if not engine.NEEDS_GRAPH:
        model = model.for_inference(size)
    return engine.compile(model, small_batch(config, size), setting(cache, precision)), origin


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize("interaction", ["dot", "cat"])
@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_gives_the_logits_of_fp32_eager(name, interaction, size, tmp_path):
    engine = engine_of(name, Precision.FP32)
    config = small_config(interaction)
    executable, origin = compiled(engine, config, Precision.FP32, tmp_path, size)
    assert logit_error(executable, config, origin, size) <= fp32.LOGIT_TOLERANCE


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_gives_bfloat16_within_its_tolerance(name, tmp_path):
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("oneDNN has no bfloat16 on this CPU")
    engine = engine_of(name, Precision.BFLOAT16)
    config = small_config()
    executable, origin = compiled(engine, config, Precision.BFLOAT16, tmp_path, 9)
    assert 1e-5 < logit_error(executable, config, origin, 9) < bfloat16.LOGIT_TOLERANCE


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "eager"])
def test_an_engine_with_threads_of_its_own_says_how_many_and_keeps_them_on_its_cpus(name, tmp_path):
    engine = engine_of(name, Precision.FP32)
    config = small_config()
    executable, _ = compiled(engine, config, Precision.FP32, tmp_path, 9)
    allowed = os.sched_getaffinity(0)
    assert executable.facts.name == name
    assert executable.facts.versions["torch"] == torch.__version__
    assert executable.facts.threads in (len(allowed), torch.get_num_threads())
    for task in Path("/proc/self/task").iterdir():
        assert os.sched_getaffinity(int(task.name)) <= allowed


@pytest.mark.parametrize("name", ENGINES)
def test_the_products_that_ran_are_told(name, tmp_path):
    engine = engine_of(name, Precision.FP32)
    config = small_config()
    executable, _ = compiled(engine, config, Precision.FP32, tmp_path, 9)
    if executable.kernels is None:
        pytest.skip("PyTorch's own oneDNN tells them")
    batch = small_batch(config, 9)
    kernels = executable.kernels
    assert sum(kernel.calls for kernel in kernels) >= 5  # five linear layers, and the dots where they are a product
    assert {kernel.types for kernel in kernels} == {"src:f32 wei:f32"}
    assert torch.equal(executable.call(*batch).clone(), executable.call(*batch))
