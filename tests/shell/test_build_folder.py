import os
from pathlib import Path

import build_folder
import pytest
from setup_error import SetupError


def at(path: Path, second: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch()
    os.utime(path, (second, second))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    at(root / "CMakeLists.txt", 100)
    at(root / "workload" / "one" / "workload.yaml", 100)
    os.utime(root / "workload", (100, 100))
    return root


@pytest.fixture
def build(tmp_path: Path) -> Path:
    build = tmp_path / "build"
    at(build / "CTestTestfile.cmake", 200)
    at(build / build_folder.STAMP, 200)
    return build


def test_a_configuration_newer_than_its_sources_is_kept(build: Path, root: Path) -> None:
    assert not build_folder.is_stale(build, root)


@pytest.mark.parametrize(
    "source", ["CMakeLists.txt", "cmake/workload.cmake", "workload/platforms.yaml", "workload/one/workload.yaml",
               "workload/one/CMakeLists.txt", "src/pinbench/harness/case/naming.py"]
)  # fmt: skip
def test_a_newer_source_makes_it_stale(build: Path, root: Path, source: str) -> None:
    at(root / source, 201)
    assert build_folder.is_stale(build, root)


def test_a_workload_that_is_gone_makes_it_stale(build: Path, root: Path) -> None:
    os.utime(root / "workload", (201, 201))
    assert build_folder.is_stale(build, root)


def test_a_configuration_that_did_not_end_is_stale(build: Path, root: Path) -> None:
    (build / build_folder.STAMP).unlink()
    assert build_folder.is_stale(build, root)


def test_the_build_folder_of_a_workload_folder_is_above_it(tmp_path: Path) -> None:
    (tmp_path / "CMakeCache.txt").touch()
    assert build_folder.configured_folder(tmp_path / "workload" / "one") == tmp_path


def test_a_folder_without_a_cache_is_its_own(tmp_path: Path) -> None:
    assert build_folder.configured_folder(tmp_path / "build") == tmp_path / "build"


def test_a_build_folder_of_another_checkout_is_refused(tmp_path: Path, root: Path) -> None:
    (tmp_path / "CMakeCache.txt").write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/somewhere/else\n")
    with pytest.raises(SetupError, match="was configured for /somewhere/else"):
        build_folder.make_ready(tmp_path, root, Path("cmake"))


def test_no_build_program_is_needed(tmp_path: Path) -> None:
    assert build_folder.generator({}, str(tmp_path)) == ["-G", "Unix Makefiles", "-DCMAKE_MAKE_PROGRAM=make"]
    (tmp_path / "ninja").touch(mode=0o755)
    assert build_folder.generator({}, str(tmp_path)) == ["-G", "Ninja"]
    (tmp_path / "make").touch(mode=0o755)
    assert build_folder.generator({}, str(tmp_path)) == []


def test_a_generator_that_the_user_chose_stays(tmp_path: Path) -> None:
    assert build_folder.generator({"CMAKE_GENERATOR": "Ninja"}, str(tmp_path)) == []
