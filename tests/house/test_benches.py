"""Each bench holds its figure against a limit, and says by its exit code whether that was kept."""

import importlib.util

import pytest
from documents import ROOT

_BENCHES = sorted((ROOT / "bench").glob("[!_]*.py"))


@pytest.mark.parametrize("path", _BENCHES, ids=lambda path: path.stem)
def test_a_bench_has_a_limit_and_an_exit_code(path):
    text = path.read_text(encoding="utf-8")
    assert 'add_argument("--limit-' in text
    assert "sys.exit(main())" in text


@pytest.mark.parametrize(("slower", "code"), [(1.04, 1), (1.05, 0)])
def test_the_bench_of_dlrm_fails_below_its_limit_at_any_batch_size_and_not_below_its_target(slower, code, capsys):
    spec = importlib.util.spec_from_file_location("dlrm_inference", ROOT / "bench/dlrm_inference.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    assert bench.judge({128: 2.5, 2048: slower}, limit=1.05, target=2.0) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "B=128    fp32 2.50x: limit 1.05x held, target 2x reached"
    assert lines[1].endswith(f"{'NOT held' if code else 'held'}, target 2x missed on this host")
