"""Which device is taken, and what is read back; what a GPU or NPU would do is acted by a stand-in."""

from types import SimpleNamespace

import pytest
import torch

from pinbench.base.errors import HostError
from pinbench.worker import device as devices

GIB = 1 << 30


@pytest.fixture
def npu(monkeypatch):
    """A host whose torch_npu makes NPU 0 usable, with 30 GiB of 32 free."""
    card = SimpleNamespace(
        mem_get_info=lambda _: (30 * GIB, 32 * GIB),
        get_device_name=lambda _: "Ascend910B",
        max_memory_allocated=lambda _: 5 * GIB,
    )
    monkeypatch.setattr(devices, "_fault", lambda name: None if name == "npu:0" else "no such card")
    monkeypatch.setattr(torch, "npu", card, raising=False)
    return SimpleNamespace(type="npu", __str__=lambda: "npu:0")


def test_the_cpu_is_taken_where_it_is_asked_for_whatever_else_there_is(npu):
    assert str(devices.choose("cpu", 0)) == "cpu"


def test_an_npu_goes_before_all_others_where_nothing_is_asked_for(npu, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "device", lambda name: asked.append(name) or name)
    assert devices.choose("auto", 0) == "npu:0"
    assert devices.choose("npu", 0) == "npu:0"


def test_without_a_card_auto_is_the_cpu_and_a_name_is_refused_with_the_way_out():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert str(devices.choose("auto", 0)) == "cpu"
    with pytest.raises(HostError, match=r"^DEVICE=npu is not on this host: npu:1 cannot be used \(No module named"):
        devices.choose("npu", 1)
    with pytest.raises(HostError, match=r"^DEVICE=cuda is not on this host: cuda:0 .*; set DEVICE=cpu to run"):
        devices.choose("cuda", 0)


def test_a_card_that_is_not_there_is_refused_beside_one_that_is(npu):
    with pytest.raises(HostError, match=r"npu:3 cannot be used \(no such card\)"):
        devices.choose("npu", 3)


def test_what_ran_is_read_back_from_the_device(npu):
    facts = devices.read_facts(npu, "auto")
    assert (facts.asked, facts.name, facts.memory_bytes, facts.peak_bytes) == ("auto", "Ascend910B", 32 * GIB, 5 * GIB)
    on_cpu = devices.read_facts(torch.device("cpu"), "auto")
    assert (on_cpu.device, on_cpu.memory_bytes, on_cpu.peak_bytes) == ("cpu", None, None)


def test_what_does_not_fit_on_the_device_is_refused_with_both_figures(npu):
    devices.require_room(npu, 30 * GIB, "the tables")
    with pytest.raises(HostError, match=r"^the tables take 31.0 GiB, and .* has 30.0 GiB free; set MAX_IND_RANGE"):
        devices.require_room(npu, 31 * GIB, "the tables")
    devices.require_room(torch.device("cpu"), 1 << 60, "the tables")  # whose memory the plan knows


def test_only_cuda_records_and_elsewhere_the_work_is_what_runs():
    done = []
    devices.record(torch.device("cpu"), lambda: done.append(1))()
    assert done == [1]
    assert [devices.has_graphs(torch.device(kind)) for kind in ("cpu", "cuda")] == [False, True]
