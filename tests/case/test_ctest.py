import json
import shutil
import subprocess

import pytest

from pinbench.harness.case.catalog import cases
from pinbench.harness.case.ctest import cmake_quote, cmake_text, labels

CMAKE, CTEST = shutil.which("cmake"), shutil.which("ctest")
needs_cmake = pytest.mark.skipif(CMAKE is None or CTEST is None, reason="cmake and ctest are not in PATH")


@pytest.fixture
def text(dlrm, platforms, tmp_path):
    return cmake_text(dlrm, platforms.resolve("GENOA"), program=tmp_path / "pinbench", build=tmp_path / "build")


def test_each_case_becomes_one_entry_that_runs_it(text, dlrm, tmp_path):
    name = "dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"
    assert (
        f'add_test(NAME "test_{name}" COMMAND "{tmp_path}/pinbench" "run" "--workload" "{dlrm.folder}" '
        f'"--case" "{name}" "--platform" "GENOA" "--logs-root" "{tmp_path}/build" "--end-with-parent")'
    ) in text
    assert (
        f'set_tests_properties("test_{name}" PROPERTIES '
        'LABELS "DLRM-PyTorch-Xeon-Public;inference;throughput;avx_fp32;gated" '
        "RUN_SERIAL TRUE SKIP_RETURN_CODE 77 TIMEOUT 0)"
    ) in text
    assert text.count("add_test(") == text.count("set_tests_properties(") == 39


def test_the_counts_follow_the_entries(text):
    assert "set(PINBENCH_CASE_COUNT 39)\nset(PINBENCH_EXCLUDED_COUNT 69)\n" in text
    assert text.endswith('set(PINBENCH_CASE_NOTE "")\n')


def test_a_platform_without_a_case_leaves_a_note_with_the_reason(dlrm, platforms, tmp_path):
    text = cmake_text(dlrm, platforms.resolve("GRAVITON3"), program=tmp_path, build=tmp_path)
    assert "add_test" not in text
    assert "set(PINBENCH_CASE_COUNT 0)\nset(PINBENCH_EXCLUDED_COUNT 108)\n" in text
    assert (
        'set(PINBENCH_CASE_NOTE "DLRM-PyTorch-Xeon-Public has no case here: '
        'the workload is for x86_64, and ARMv9 (GRAVITON3) is aarch64")'
    ) in text


def test_an_alias_stays_in_the_entry(dummy, platforms, tmp_path):
    text = cmake_text(dummy, platforms.resolve("GRAVITON4"), program=tmp_path, build=tmp_path)
    assert '"--platform" "GRAVITON4"' in text


def test_a_full_case_has_a_label_of_its_own(dlrm, platforms):
    case = cases(dlrm, platforms.resolve("ICX"))[0]
    assert labels(case) == ("DLRM-PyTorch-Xeon-Public", "inference", "throughput", "avx_fp32", "full")


def test_what_cmake_would_expand_is_quoted():
    assert cmake_quote('a "b" ${HOME} \\n;c') == '"a \\"b\\" \\${HOME} \\\\n;c"'


@needs_cmake
def test_cmake_reads_the_entries_back_as_they_were_meant(dlrm, platforms, tmp_path):
    build = tmp_path / 'odd ${HOME} "quoted" \\n;x'
    program = tmp_path / "a door"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)  # ctest shows the command of a test only when it could be run
    (tmp_path / "entries.cmake").write_text(cmake_text(dlrm, platforms.resolve("SPR"), program=program, build=build))
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(t NONE)\nenable_testing()\ninclude(entries.cmake)\n"
        'if(NOT PINBENCH_CASE_COUNT EQUAL 72)\n  message(FATAL_ERROR "count")\nendif()\n'
    )
    subprocess.run([CMAKE, "-S", tmp_path, "-B", tmp_path / "b"], check=True, capture_output=True)
    shown = subprocess.run(
        [CTEST, "--test-dir", tmp_path / "b", "--show-only=json-v1"], check=True, capture_output=True, text=True
    )
    tests = json.loads(shown.stdout)["tests"]
    assert [test["name"] for test in tests] == [f"test_{case.name}" for case in cases(dlrm, platforms.resolve("SPR"))]
    assert {tuple(test["command"][-2:]) for test in tests} == {(str(build), "--end-with-parent")}
    assert {test["command"][0] for test in tests} == {str(program)}
    properties = {entry["name"]: entry["value"] for entry in tests[0]["properties"]}
    assert set(properties["LABELS"]) == {"DLRM-PyTorch-Xeon-Public", "inference", "throughput", "avx_fp32", "full"}
    assert properties["RUN_SERIAL"] is True
    assert properties["SKIP_RETURN_CODE"] == 77
