"""The profile of a call: oneDNN's log by layers, and the table that is printed."""

import sys

import pytest
from documents import ROOT

_LINE = "onednn_verbose,v1,primitive,exec,cpu,{},brg_matmul:avx2,undef,src:u8 wei:s8,attr,,1x16:16x512,{}\n"


@pytest.fixture
def profile(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    before = {name for name in sys.modules if name.startswith("_dlrm")}
    from _dlrm import profile

    yield profile
    for name in [name for name in sys.modules if name.startswith("_dlrm") and name not in before]:
        del sys.modules[name]


def test_products_are_added_up_layer_by_layer_over_the_chunks_and_others_are_not(profile):
    times = [1.5, 0.25, 2.5, 0.75]
    log = "".join(_LINE.format("matmul", time) + _LINE.format("reorder", 99) for time in times)
    assert profile.seconds_by_layer(log, 2) == pytest.approx([4.0e-3, 1.0e-3])


@pytest.mark.parametrize("products", [0, 3])
def test_a_log_that_does_not_fit_the_layers_is_refused(profile, products):
    with pytest.raises(ValueError, match=f"oneDNN tells of {products} products, this model has 2 layers"):
        profile.seconds_by_layer(_LINE.format("inner_product", 1.0) * products, 2)


def test_a_part_has_its_share_of_the_call_and_its_roofline(profile):
    parts = [profile.Part(name="over 4 x 2", seconds=3e-6, ceiling_s=1.5e-6), profile.Part(name="head", seconds=1e-6)]
    lines = profile.table("chain", parts).splitlines()
    assert lines[0] == "chain: 4 us"
    assert lines[1].split() == ["over", "4", "x", "2", "3.0", "us", "75.0%", "50%", "of", "its", "roofline"]
    assert lines[2].split() == ["head", "1.0", "us", "25.0%"]
