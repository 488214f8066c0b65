import json
import subprocess
import sys
import time

import pytest

from pinbench.harness.case.source import SOURCE_ROOT, WORKLOAD_ROOT
from pinbench.harness.cli import main

DLRM = str(WORKLOAD_ROOT / "DLRM-PyTorch-Xeon-Public")


@pytest.fixture
def pinbench(monkeypatch, capsys, host_of):
    """Run `pinbench cases` on a Sapphire Rapids host; return exit code, stdout and stderr."""
    monkeypatch.setattr("pinbench.harness.cli.cases.read_facts", lambda: host_of("GenuineIntel", 0x8F, 6))

    def run(*words):
        code = main(["cases", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_all_workloads_are_listed_for_the_platform_of_the_host(pinbench):
    code, out, _ = pinbench()
    names = out.splitlines()
    assert code == 0
    assert "test_dlrm_pytorch_xeon_public_inference_throughput_amx_bfloat16_pkm" in names
    assert "test_dummy_throughput" in names


def test_one_workload_is_listed_for_a_named_platform(pinbench):
    _, out, _ = pinbench("--workload", DLRM, "--platform", "ICX")
    assert len(out.splitlines()) == 24
    assert all(line.startswith("test_dlrm_pytorch_xeon_public_") for line in out.splitlines())


@pytest.mark.parametrize(("name", "shown"), [("", "SPR"), ("GRAVITON4", "ARMv9 (GRAVITON4)"), ("ROME", "ROME")])
def test_the_platform_is_shown_as_cmake_prints_it(pinbench, name, shown):
    assert pinbench("--format", "platform", "--platform", name) == (0, f"{shown}\n", "")


def test_an_unknown_platform_is_bad_usage_with_the_legal_names(pinbench):
    code, out, err = pinbench("--format", "platform", "--platform", "NOPE")
    assert (code, out) == (2, "")
    assert err.startswith("pinbench: no platform named 'NOPE' (legal: BDW, ")
    assert len(err.splitlines()) == 1


def test_exclusions_are_listed_with_their_reasons(pinbench):
    _, out, _ = pinbench("--format", "excluded", "--platform", "GENOA", "--workload", DLRM)
    assert len(out.splitlines()) == 69
    assert out.splitlines()[0] == (
        "test_dlrm_pytorch_xeon_public_inference_throughput_amx_bfloat16: "
        "amx_bfloat16 needs amx_tile, amx_bf16, which GENOA does not have"
    )


def test_the_cmake_format_runs_the_door_of_this_source_tree(pinbench, tmp_path):
    code, out, _ = pinbench("--format", "cmake", "--workload", DLRM, "--build", str(tmp_path), "--platform", "")
    assert code == 0
    assert f'COMMAND "{SOURCE_ROOT}/script/pinbench" "run"' in out
    assert '"--platform" "SPR"' in out
    assert "set(PINBENCH_CASE_COUNT 72)" in out


def test_the_cmake_format_wants_one_workload_and_a_build_directory(pinbench):
    assert pinbench("--format", "cmake")[0] == 2
    assert pinbench("--format", "cmake", "--workload", DLRM)[0] == 2


def test_the_json_format_holds_cases_with_parameters_and_exclusions_with_reasons(pinbench):
    _, out, _ = pinbench("--format", "json", "--workload", DLRM, "--platform", "GENOA")
    listing = json.loads(out)
    (workload,) = listing["workloads"]
    assert listing["platform"] == "GENOA"
    assert (len(workload["cases"]), len(workload["excluded"])) == (39, 69)
    gated = workload["cases"][1]
    assert gated["test"] == "test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"
    assert gated["parameters"]["MAX_IND_RANGE"] == 200_000
    assert gated["parameters"]["CORES_PER_INSTANCE"] is None


def test_parameters_are_described_without_a_platform(pinbench):
    _, out, _ = pinbench("--format", "describe", "--workload", DLRM, "--platform", "NOPE")
    assert "1024 for FUNCTION=training; 100" in out
    _, out, _ = pinbench("--format", "markdown", "--workload", DLRM, "--platform", "NOPE")
    assert out.startswith("| Parameter | Default | Allowed | Meaning |\n")


def test_listing_takes_well_under_a_second_and_needs_no_torch():
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pinbench", "cases", "--platform", "SPR"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SOURCE_ROOT / "src")},
        check=True,
    )
    assert time.perf_counter() - begin < 1.0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "pinbench" in imported
    assert not imported & {"torch", "numpy"}
