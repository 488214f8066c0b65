"""``build_folder.py FOLDER``: configures the build folder if it is absent or stale, and prints the path of ctest.

FOLDER is a build folder, or the folder of a workload in it. Run by ctest.sh.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import needs
from cmake_tool import find_or_install
from setup_error import SetupError

STAMP = "pinbench-configured"  # touched by CMakeLists.txt at the end of each configuration


def configured_folder(folder: Path) -> Path:
    """Return the build folder that `folder` is, or lies in; `folder` itself when nothing is configured yet."""
    return next((path for path in (folder, *folder.parents) if (path / "CMakeCache.txt").exists()), folder)


def is_stale(build: Path, root: Path) -> bool:
    """Return whether something that the cases come from is newer than the configuration in `build`."""
    stamp = build / STAMP
    if not stamp.exists() or not (build / "CTestTestfile.cmake").exists():
        return True
    made_ns = stamp.stat().st_mtime_ns
    return any(path.stat().st_mtime_ns > made_ns for path in sources(root))


def sources(root: Path) -> Iterator[Path]:
    """Yield what the ctest entries come from; the folder `workload` itself tells of one that is new or gone."""
    yield root / "CMakeLists.txt"
    yield root / "workload"
    for pattern in (
        "cmake/*.cmake", "workload/*.yaml", "workload/CMakeLists.txt", "workload/*/CMakeLists.txt",
        "workload/*/workload.yaml", "src/pinbench/harness/case/*.py", "src/pinbench/harness/cli/cases.py",
    ):  # fmt: skip
        yield from root.glob(pattern)


def source_of(build: Path) -> Path | None:
    """Return the source tree that `build` was configured from, None when it was not."""
    cache = build / "CMakeCache.txt"
    if not cache.exists():
        return None
    match = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache.read_text(encoding="utf-8"), re.MULTILINE)
    return Path(match[1]) if match else None


def generator(environment: Mapping[str, str], search: str) -> list[str]:
    """Return the options that let CMake configure on a machine without a build program.

    Nothing here is compiled, and ctest needs none, but CMake refuses to go on without the name of one.
    """
    if "CMAKE_GENERATOR" in environment or shutil.which("make", path=search):
        return []
    if shutil.which("ninja", path=search):
        return ["-G", "Ninja"]
    return ["-G", "Unix Makefiles", "-DCMAKE_MAKE_PROGRAM=make"]


def configure(build: Path, root: Path, cmake: Path) -> None:
    """Configure `build`, keeping the options that it was configured with before.

    Raises:
        SetupError: CMake refused; its output is on stderr.
    """
    fresh = not (build / "CMakeCache.txt").exists()
    why = " again: the workloads changed" if (build / STAMP).exists() else ""
    print(f"pinbench: configuring {build}{why}", file=sys.stderr)
    options = generator(os.environ, os.environ.get("PATH", os.defpath)) if fresh else []
    ended = subprocess.run(
        [str(cmake), "-S", str(root), "-B", str(build), *options], stdout=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode != 0:
        print(ended.stdout, end="", file=sys.stderr)
        raise SetupError(f"{build} could not be configured; cmake says why above")


def make_ready(folder: Path, root: Path, cmake: Path) -> None:
    """Configure the build folder of `folder` if it is absent or stale; one process at a time.

    Raises:
        SetupError: it belongs to another checkout, or CMake refused.
    """
    build = configured_folder(folder)
    source = source_of(build)
    if source is not None and source.resolve() != root.resolve():
        raise SetupError(f"{build} was configured for {source}, not for {root}: move it away or use another folder")
    if not is_stale(build, root):
        return
    build.mkdir(parents=True, exist_ok=True)
    with (build / ".configuring").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_stale(build, root):
            configure(build, root, cmake)


def main(folder: Path) -> int:
    """Return 0 and print the path of ctest; 1 after one line on stderr."""
    try:
        make_ready(folder, needs.ROOT, find_or_install("cmake"))
        print(find_or_install("ctest"))
    except SetupError as problem:
        print(f"pinbench: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"pinbench: cannot configure {folder}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pinbench: interrupted while configuring; the next start does it again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
