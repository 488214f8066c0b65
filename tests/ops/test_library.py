"""The cache of built operators: what is built again, and who builds. The compiler is a script that takes no time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_compiler import FakeCompiler

from pinbench.base.errors import OperatorError
from pinbench.worker.ops.compiler import find_compiler
from pinbench.worker.ops.isa import GENERIC, Variant
from pinbench.worker.ops.library import cache_key, discard, provide

_UNITS = 2 + 1  # the module, one instruction set, and the link


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    fake = FakeCompiler(tmp_path / "bin")
    monkeypatch.setenv("PATH", fake.path)
    return fake


def test_the_first_call_builds_and_the_second_finds_it(compiler, tmp_path, cpus):
    first = provide(tmp_path, [GENERIC], cpus)
    again = provide(tmp_path, [GENERIC], cpus)
    assert first.build_s > 0
    assert again.build_s is None
    assert again.path == first.path
    assert len(compiler.calls) == _UNITS
    assert {path.name for path in first.path.parent.iterdir()} == {"operators.so", "manifest.json", "lock"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda library: library.write_bytes(library.read_bytes() + b"x"),
        lambda library: library.write_bytes(b""),
        lambda library: library.unlink(),
        lambda library: library.with_name("manifest.json").write_text('{"sha256":'),
        lambda library: library.with_name("manifest.json").write_text("{}"),
        lambda library: library.with_name("manifest.json").unlink(),
    ],
    ids=["longer", "empty", "gone", "manifest cut", "manifest of another form", "manifest gone"],
)
def test_a_damaged_library_is_built_again(compiler, tmp_path, cpus, damage):
    library = provide(tmp_path, [GENERIC], cpus)
    damage(library.path)
    assert provide(tmp_path, [GENERIC], cpus).build_s is not None
    assert provide(tmp_path, [GENERIC], cpus).build_s is None
    assert len(compiler.calls) == 2 * _UNITS


def test_a_discarded_library_is_built_again(compiler, tmp_path, cpus):
    discard(provide(tmp_path, [GENERIC], cpus))
    assert provide(tmp_path, [GENERIC], cpus).build_s is not None
    assert len(compiler.calls) == 2 * _UNITS


def test_the_key_changes_with_compiler_options_namespace_and_torch(compiler, tmp_path, monkeypatch):
    found = find_compiler()
    key = cache_key(found, [GENERIC], "pinbench")
    assert key == cache_key(found, [GENERIC], "pinbench")
    other = FakeCompiler(tmp_path / "bin", version="g++ (fake) 2.0")
    assert other.path == compiler.path
    newer = find_compiler()
    keys = [
        key,
        cache_key(newer, [GENERIC], "pinbench"),
        cache_key(found, [Variant(name="generic", options=("-O1",))], "pinbench"),
        cache_key(found, [GENERIC], "other"),
    ]
    monkeypatch.setattr("torch.__version__", "9.9")
    keys.append(cache_key(found, [GENERIC], "pinbench"))
    assert len(set(keys)) == 5


def test_two_processes_that_need_it_at_once_build_it_once(tmp_path):
    # Each compilation takes long enough for the other process to ask in the meantime.
    fake = FakeCompiler(tmp_path / "bin", work="sleep 0.2")
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pinbench.worker.ops.isa import GENERIC\n"
        "from pinbench.worker.ops.library import provide\n"
        "sys.stdin.readline()\n"
        "library = provide(Path(sys.argv[1]), [GENERIC], (0,))\n"
        "print(library.build_s is not None, library.path.read_text())\n"
    )
    environment = {**os.environ, "PATH": fake.path, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "cache")],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    outputs = [child.communicate("go\n", timeout=120)[0].split(" ", 1) for child in children]
    assert sorted(built for built, _ in outputs) == ["False", "True"]
    assert outputs[0][1] == outputs[1][1]
    assert len(fake.calls) == _UNITS


def test_what_a_failed_build_leaves_is_not_taken_for_a_library(tmp_path, monkeypatch, cpus):
    broken = FakeCompiler(tmp_path / "bin", work='echo "kernels.cpp:1:1: error: no such thing" >&2; exit 1')
    monkeypatch.setenv("PATH", broken.path)
    with pytest.raises(OperatorError, match=r"g\+\+ failed: kernels.cpp:1:1: error: no such thing"):
        provide(tmp_path / "cache", [GENERIC], cpus)
    FakeCompiler(tmp_path / "bin")
    library = provide(tmp_path / "cache", [GENERIC], cpus)
    assert library.build_s is not None
    assert {path.name for path in library.path.parent.iterdir()} == {"operators.so", "manifest.json", "lock"}


def test_without_a_compiler_it_says_so(tmp_path, monkeypatch, cpus):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperatorError, match=r"there is no C\+\+ compiler on PATH \(g\+\+, c\+\+, clang\+\+\)"):
        provide(tmp_path, [GENERIC], cpus)


def test_a_cache_that_cannot_be_written_is_named(compiler, tmp_path, cpus):
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match=r"the cache .*/file cannot be used: .*Not a directory"):
        provide(tmp_path / "file", [GENERIC], cpus)


def test_the_real_compiler_says_its_version():
    if shutil.which("g++") is None:
        pytest.skip("no g++ on PATH")
    assert find_compiler().path == shutil.which("g++")
    assert any(character.isdigit() for character in find_compiler().version)
