"""The shell blocks of the documents: those marked `sh run` are run as they stand, the others are read with care."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from functools import cache
from pathlib import Path

import pytest
from documents import ROOT, blocks, documents, tracked_files

from pinbench.base.plugin import load_plugin
from pinbench.harness import cli
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import workload_folders
from pinbench.harness.case.workload import load_workload
from pinbench.harness.image.chain import shared_images
from pinbench.harness.image.command import known_arguments
from pinbench.harness.image.dockerfile import read_images

_LIMIT_S = 120

# The second word of a block that is not run, and why it is not.
_NOT_RUN = {
    "measures": "measures a model for many seconds, on all cores",
    "data": "needs raw data, which is not a part of this repository",
    "installs": "brings packages of a gigabyte",
    "develops": "runs all checks, this one included",
    "shows": "is about another host, or a program that is not here",
    "fails": "is meant to end with an error",
}
_RUN = [("run",), ("run", "fresh")]
_SHELL = [block for document in documents() for block in blocks(document) if block.words[:1] == ("sh",)]
_TO_RUN = [block for block in _SHELL if block.words[1:] in _RUN]


def _copy(folder: Path) -> Path:
    for path in tracked_files():
        name = path.relative_to(ROOT)
        if name.parts[0] in ("tests", "bench"):
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="session")
def shared_checkout(tmp_path_factory):
    return _copy(tmp_path_factory.mktemp("examples") / "checkout")


@cache
def _apart() -> tuple[str, ...]:
    """Return the command for a network namespace of its own, in which other runs hold no cores; none where it may not.

    It also shows that the examples need no network.
    """
    for command in (("unshare", "--net"), ("unshare", "--map-root-user", "--net")):
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return ()


def _run(text: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PINBENCH_", "PYTHON"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), ours["PATH"]])  # cmake of the environment, if need be
    return subprocess.run(
        [*_apart(), "timeout", "--kill-after=5", str(_LIMIT_S), "bash", "-euo", "pipefail", "-c", text],
        cwd=checkout, env={**ours, "PATH": path, "PINBENCH_PYTHON": sys.executable},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("block", _TO_RUN, ids=lambda block: block.name)
def test_an_example_runs_as_it_stands(block, shared_checkout, tmp_path):
    needs_builder = "cmake .." in block.text and "CMAKE_GENERATOR" not in os.environ
    if needs_builder and not (shutil.which("make") or shutil.which("ninja")):
        pytest.skip("plain cmake wants a build program")
    checkout = _copy(tmp_path / "checkout") if "fresh" in block.words else shared_checkout
    ran = _run(block.text, checkout)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_run_leaves_exactly_the_files_that_the_reference_lists(shared_checkout):
    page = (ROOT / "doc/reference/log-directory.md").read_text(encoding="utf-8")
    ran = _run("./ctest.sh --testcase test_dummy_throughput_gated --set STEPS=5 -V", shared_checkout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    logs = shared_checkout / "build/workload/dummy/logs-dummy_throughput_gated"
    left = {str(path.relative_to(logs)) for path in logs.rglob("*") if path.is_file()}
    names = {re.sub(r"^itr-1", "itr-N", name).replace("instance-000", "instance-NNN") for name in left}
    names = {name.replace("benchmark_dummy_throughput_gated", "benchmark_<case>") for name in names}
    listed = set(re.findall(r"`([^`]+)`", "".join(row.split("|")[1] for row in page.splitlines() if row[:3] == "| `")))
    listed.discard("stderr.log")
    outside_git = {"git-history/HEAD", "git-history/CHANGED"}  # the copy is no git checkout
    of_training = {"itr-N/curve.json", "curve.csv", "curve.svg", "curve.png"}  # tests/report/test_curve.py has them
    # of a run in a container, in which tests/flow/test_container.py and test_run_in_image.py look for them
    of_container = {
        "sbom.cdx.json",
        "container.log.err",
        "itr-N/worker-0-c0/container.log",
        "itr-N/worker-0-c0/container/",
        "logs",
    }
    left = listed - outside_git - of_training - of_container
    assert names - {"itr-N/worker-0-c0/instance-NNN/stderr.log"} == left


@pytest.mark.parametrize("block", _SHELL, ids=lambda block: block.name)
def test_an_example_says_whether_it_is_run_and_is_shell(block):
    assert block.words[1:] in _RUN or block.words[1:] in [(word,) for word in _NOT_RUN], f"sh ... of {block.name}"
    read = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize("block", _SHELL, ids=lambda block: block.name)
def test_an_example_names_what_exists(block):
    for line in block.text.splitlines():
        _check_line(line)


def _check_line(line: str) -> None:
    words = shlex.split(line, comments=True)
    for word in words:
        if re.match(r"(\./|script/|workload/|bench/)", word) and "<" not in word:
            # ./ctest.sh of a build folder is the one at the top
            assert (ROOT / word).exists(), word
    names = [word.strip("^$") for word in words if re.fullmatch(r"\^?test_[a-z0-9_]+\$?", word)]
    cases = [_case(name) for name in names]
    known = {name for workload in cases or _workloads() for name in workload.parameters} | {"TIMEOUT"}
    known |= {"PINBENCH_PYTHON", "PINBENCH_TORCH_INDEX", "PIP_NO_INDEX", "PIP_FIND_LINKS"} | _image_arguments()
    for word in words:
        if match := re.fullmatch(r"([A-Z][A-Z_]+)=.*", word):
            assert match[1] in known, word
    if words[:1] == ["script/pinbench"] and len(words) > 1:
        _check_command(words[1:])


def _check_command(words: list[str]) -> None:
    if "--help" in words:
        return
    command = load_plugin(cli, words[0].replace("-", "_"))
    parser = ArgumentParser(allow_abbrev=False)
    command.configure(parser)
    parser.parse_args(words[1:])  # ends the test with what is wrong


@cache
def _image_arguments() -> frozenset[str]:
    own = [image for folder in workload_folders() for image in read_images(folder)]
    return known_arguments([*own, *shared_images(ROOT / "docker").values()])


@cache
def _workloads():
    return [load_workload(folder) for folder in workload_folders()]


def _case(name: str):
    workload = next(w for w in _workloads() if name.startswith(f"test_{w.prefix}"))
    find_case(workload, name, load_platforms().by_name["SPR"])
    return workload
