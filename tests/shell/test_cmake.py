import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from needs import ROOT

Runner = Callable[..., subprocess.CompletedProcess[str]]
Configured = Callable[[str], tuple[subprocess.CompletedProcess[str], Path]]
DLRM = "DLRM-PyTorch-Xeon-Public"


def settings(build: Path, workload: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((build / "workload" / workload / "settings.json").read_text())
    return found


def names(door: Runner, build: Path) -> list[str]:
    ctest = door(ROOT / "script" / "env" / "cmake", "ctest").stdout.strip()
    return re.findall(r"Test +#\d+: (\S+)", door(ctest, "--test-dir", build, "-N").stdout)


def test_each_case_of_the_platform_becomes_one_entry_and_no_more(door: Runner, configured: Configured) -> None:
    ran, build = configured("SPR")
    assert ran.returncode == 0, ran.stderr
    listed = door(ROOT / "script" / "pinbench", "cases", "--platform", "SPR").stdout.split()
    excluded = door(ROOT / "script" / "pinbench", "cases", "--format", "excluded", "--platform", "SPR").stdout
    assert names(door, build) == listed
    assert "test_dlrm_pytorch_xeon_public_inference_throughput_amx_bfloat16_gated" in listed
    if excluded:
        assert f"-- {len(excluded.splitlines())} combinations are excluded on SPR" in ran.stdout


def test_an_entry_is_serial_labelled_and_can_be_skipped(configured: Configured) -> None:
    text = (configured("SPR")[1] / "workload" / DLRM / "CTestTestfile.cmake").read_text()
    entry = next(line for line in text.splitlines() if "set_tests_properties" in line and "avx_fp32_gated" in line)
    assert 'RUN_SERIAL "TRUE"' in entry
    assert 'SKIP_RETURN_CODE "77"' in entry
    assert 'TIMEOUT "0"' in entry
    assert re.search(r'LABELS "[^"]*;inference;throughput;avx_fp32;gated"', entry)


def test_without_a_platform_it_is_the_hosts_own(door: Runner, configured: Configured) -> None:
    own = door(ROOT / "script" / "pinbench", "cases", "--format", "platform").stdout.strip()
    assert f"-- Setting: PLATFORM={own}\n" in configured("")[0].stdout


def test_an_alias_is_shown_with_the_platform_and_remembered(configured: Configured) -> None:
    ran, build = configured("GRAVITON3")
    assert "-- Setting: PLATFORM=ARMv9 (GRAVITON3)\n" in ran.stdout
    assert settings(build, "dummy")["platform"] == "GRAVITON3"


def test_a_workload_without_cases_is_named_with_the_reason(configured: Configured) -> None:
    ran, _ = configured("GRAVITON3")
    assert ran.returncode == 0
    assert re.search(rf"workload/{DLRM}: no cases on ARMv9 \(GRAVITON3\): .*x86_64", ran.stderr)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("-DPLATFORM=NOPE", r"no platform named 'NOPE'.*ICX, SPR.*GENOA"),
        ("-DBACKEND=bogus", r"BACKEND=bogus is not known; there are: native"),
        ("-DREGISTRY=localhost:5000", r"REGISTRY=localhost:5000 must be fully qualified"),
        ("-DREGISTRY=127.0.0.1/x", r"REGISTRY=127.0.0.1/x must be fully qualified"),
        ("-DRELEASE=a b", r"RELEASE=a b is not an image tag"),
        ("-DTIMEOUT=soon", r"TIMEOUT=soon is not '<seconds of a case>"),
        ("-DTIMEOUT=0,600", r"TIMEOUT=0,600 is not"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(configure: Runner, option: str, message: str) -> None:
    ran = configure(option)
    assert ran.returncode == 1
    assert re.search(rf"^ +(pinbench: )?{message}", ran.stderr, re.MULTILINE), ran.stderr


@pytest.mark.parametrize(
    ("given", "registry", "release"),
    [
        ((), "", ":latest"),
        (("-DREGISTRY=r:5000", "-DRELEASE=V1"), "r:5000/", ":v1"),
        (("-DREGISTRY=r/x//", "-DRELEASE=:v2"), "r/x/", ":v2"),
        (("-DREGISTRY=localhost.example.org",), "localhost.example.org/", ":latest"),
    ],
)
def test_registry_and_release_take_the_form_that_names_images(
    configure: Runner, tmp_path: Path, given: tuple[str, ...], registry: str, release: str
) -> None:
    ran = configure(*given)
    assert f"-- Setting: REGISTRY={registry}\n" in ran.stdout
    assert f"-- Setting: RELEASE={release}\n" in ran.stdout
    found = settings(tmp_path / "build", "dummy")
    assert (found["registry"], found["release"], found["backend"]) == (registry, release, "native")


def test_benchmark_chooses_workloads_and_a_later_choice_replaces_it(
    door: Runner, configure: Runner, tmp_path: Path
) -> None:
    build = tmp_path / "build"
    configure("-DBENCHMARK=^nothing$|dummy")
    assert {name.split("_")[1] for name in names(door, build)} == {"dummy"}
    configure("-DBENCHMARK=DLRM-")
    assert {name.split("_")[1] for name in names(door, build)} <= {"dlrm"}
    assert not (build / "workload" / "dummy" / "settings.json").exists()


def test_an_empty_benchmark_means_everything_and_says_so(configured: Configured) -> None:
    assert "BENCHMARK is empty: all workloads are enabled" in configured("SPR")[0].stdout


def test_a_benchmark_that_matches_nothing_is_warned_of_with_what_there_is(configure: Runner) -> None:
    ran = configure("-DBENCHMARK=DLMR")
    assert re.search(rf"BENCHMARK=DLMR matches no workload; there are: .*{DLRM}", ran.stderr)


def test_the_doors_are_in_the_build_folder_and_in_each_workloads(configured: Configured) -> None:
    _, build = configured("SPR")
    for folder in (build, build / "workload" / DLRM):
        for name in ("ctest.sh", "list-kpi.sh", "build.sh"):
            assert (folder / name).resolve() == ROOT / name
            assert os.access(folder / name, os.X_OK)


def test_a_quote_or_backslash_in_an_option_keeps_the_settings_readable(configure: Runner, tmp_path: Path) -> None:
    configure(r'-DBENCHMARK=dummy|"\\.')
    assert settings(tmp_path / "build", "dummy")["benchmark"] == r'dummy|"\\.'


@pytest.mark.skipif(not (shutil.which("make") or shutil.which("ninja")), reason="a target needs a build program")
def test_the_bom_target_lists_every_workload(door: Runner, configured: Configured) -> None:
    cmake = door(ROOT / "script" / "env" / "cmake", "cmake").stdout.strip()
    said = door(cmake, "--build", configured("SPR")[1], "--target", "bom").stdout
    assert f"# workload/{DLRM}\n" in said
    assert "# workload/dummy\n" in said
    assert "torch==" in said
