"""The doors are run as a user runs them: real bash, real cmake, no network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "script" / "env"))  # its modules are scripts, not a part of the package
from build_folder import generator  # noqa: E402

Runner = Callable[..., subprocess.CompletedProcess[str]]


def run_door(*words: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user with an interpreter that has everything; returns what it said."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PINBENCH_")}
    environment = {**ours, "PINBENCH_PYTHON": sys.executable, **variables}
    command = [str(word) for word in words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def door() -> Runner:
    return run_door


def run_cmake(root: Path, build: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Configure as a user does who has a build program, whether or not this machine has one."""
    program = run_door(ROOT / "script" / "env" / "cmake", "cmake").stdout.strip()
    return run_door(program, "-S", root, "-B", build, *generator(os.environ, os.environ["PATH"]), *options)


@pytest.fixture
def configure(tmp_path: Path) -> Runner:
    """Configure this checkout in a folder of the test with the given -D options."""

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return run_cmake(ROOT, tmp_path / "build", *options)

    return run


@pytest.fixture(scope="session")
def configured(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[subprocess.CompletedProcess[str], Path]]:
    """What configuring this checkout for a platform said, and the folder; made once, so only to be looked at."""
    done: dict[str, tuple[subprocess.CompletedProcess[str], Path]] = {}

    def look(platform: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        if platform not in done:
            build = tmp_path_factory.mktemp("build")
            done[platform] = run_cmake(ROOT, build, f"-DPLATFORM={platform}"), build
        return done[platform]

    return look


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout to change, as `copy_checkout` makes it."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configured build folder of a copy of this checkout, only to be used, not to be changed."""
    checkout = copy_checkout(tmp_path_factory.mktemp("shared") / "checkout")
    ran = run_cmake(checkout, checkout / "build", "-DPLATFORM=GENOA")
    assert ran.returncode == 0, ran.stderr
    return checkout / "build"


def copy_checkout(copy: Path) -> Path:
    """Copy what ctest.sh needs, with a `pinbench run` that shows what reaches it instead of running a case."""
    for folder in ("cmake", "script", "src", "workload"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("CMakeLists.txt", "ctest.sh", "list-kpi.sh", "build.sh", "pyproject.toml"):
        shutil.copy2(ROOT / file, copy / file)
    stub = copy / "script" / "pinbench"
    stub.write_text('#!/bin/sh\necho "arguments: $*"\nenv | grep -E "^(PINBENCH_|BATCH_SIZE)" | sort\n')
    stub.chmod(0o755)
    return copy
