"""Each bench holds its figure against a limit, and says by its exit code whether that was kept."""

import argparse
import importlib.util
import os
import subprocess
import sys

import pytest
from documents import ROOT

_BENCHES = sorted((ROOT / "bench").glob("[!_]*.py"))


@pytest.mark.parametrize("path", _BENCHES, ids=lambda path: path.stem)
def test_a_bench_has_a_limit_and_an_exit_code(path):
    text = path.read_text(encoding="utf-8")
    assert 'add_argument("--limit-' in text
    assert "sys.exit(main())" in text


def _loaded(name, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    spec = importlib.util.spec_from_file_location(name, ROOT / f"bench/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("slower", "is_held"), [(1.04, False), (1.05, True)])
def test_the_bench_of_dlrm_holds_its_limit_at_every_batch_size_and_not_its_target(slower, is_held, monkeypatch, capsys):
    bench = _loaded("dlrm_inference", monkeypatch)
    assert bench.judge({128: 2.5, 2048: slower}, limit=1.05, target=2.0) is is_held
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "B=128    fp32 2.50x: limit 1.05x held, target 2x reached"
    assert lines[1].endswith(f"{'held' if is_held else 'NOT held'}, target 2x missed on this host")


@pytest.mark.parametrize(("ratio", "share", "is_held"), [(1.04, 0.94, False), (1.05, 0.94, True), (1.04, 0.95, True)])
def test_the_bench_of_multi_hot_dlrm_holds_a_ratio_or_a_share_of_the_roofline(ratio, share, is_held, monkeypatch):
    bench = _loaded("dlrm_v2_inference", monkeypatch)
    arguments = argparse.Namespace(engine=["pinned"], limit_ratio=1.05, limit_share=0.95, limit_from=16)
    medians = {1: {"pinned fp32": (0.1, 0.1)}, 16: {"pinned fp32": (2.0, 0.5)}, 1024: {"pinned fp32": (ratio, share)}}
    assert bench.judge(medians, arguments) is is_held


@pytest.mark.parametrize("path", _BENCHES, ids=lambda path: path.stem)
def test_a_bench_starts_without_an_installed_package(path):
    words = [sys.executable, "-W", "error", str(path), "--help"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("is_held", "others", "code"),
    [(True, 0.0, 0), (True, 50.0, 0), (False, 5.0, 1), (False, 50.0, 0), (False, None, 1)],
)
def test_a_limit_that_is_missed_beside_others_work_fails_nobody(is_held, others, code, monkeypatch, capsys):
    quiet = _loaded("_quiet", monkeypatch)
    watch = quiet.Watch()
    monkeypatch.setattr(watch, "others_percent", lambda: others)
    assert watch.exit_code(is_held) == code
    assert ("others took 50 % of the CPUs" in capsys.readouterr().out) == (not is_held and others == 50.0)


def test_what_others_take_is_a_share_of_all_cpus(monkeypatch):
    quiet = _loaded("_quiet", monkeypatch)
    readings = iter([(100.0, 40.0, 1.0), (200.0, 70.0, 2.0)])

    def read():
        total_s, busy_s, steal_s = next(readings)
        return quiet.LoadCounters(load_1m=None, total_s=total_s, busy_s=busy_s, steal_s=steal_s)

    monkeypatch.setattr(quiet, "read_load_counters", read)
    own = iter([5.0, 15.0])
    monkeypatch.setattr(quiet, "_own_s", lambda: next(own))
    assert quiet.Watch().others_percent() == pytest.approx(30 + 1 - 10)
