"""The library that came with the package: found by what it depends on, and by nothing else."""

import stat

import pytest
from fake_compiler import FakeCompiler

from pinbench.base.errors import OperatorError
from pinbench.worker.ops import operators
from pinbench.worker.ops.isa import GENERIC, Variant
from pinbench.worker.ops.shipped import find_shipped, ship, shipped_key

_OTHER = Variant(name="generic", options=("-mother",))


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    fake = FakeCompiler(tmp_path / "bin")
    monkeypatch.setenv("PATH", fake.path)
    return fake


def test_what_was_shipped_is_found_without_a_compiler_and_nothing_is_built(compiler, tmp_path, monkeypatch):
    path = ship(tmp_path / "built", [GENERIC])
    calls = len(compiler.calls)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_shipped([GENERIC], folder=tmp_path / "built")
    assert (found.path, found.build_s) == (path, None)
    assert len(compiler.calls) == calls


def test_another_users_process_can_read_it(compiler, tmp_path):
    path = ship(tmp_path / "built", [GENERIC])
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert modes == {"operators.so": 0o755, "manifest.json": 0o644}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


@pytest.mark.parametrize("change", ["other options", "other torch", "other sources", "other architecture", "damage"])
def test_a_library_for_something_else_is_not_there(compiler, tmp_path, monkeypatch, change):
    path = ship(tmp_path / "built", [GENERIC])
    sets = [_OTHER] if change == "other options" else [GENERIC]
    if change == "other torch":
        monkeypatch.setattr("torch.__version__", "1.0")
    elif change == "other architecture":
        monkeypatch.setattr("platform.machine", lambda: "riscv64")
    elif change == "other sources":
        (tmp_path / "source").mkdir()
        monkeypatch.setattr("pinbench.worker.ops.library.SOURCES", tmp_path / "source")
    elif change == "damage":
        path.write_bytes(b"cut")
    assert find_shipped(sets, folder=tmp_path / "built") is None


def test_a_compiler_that_is_absent_is_said_where_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperatorError, match=r"there is no C\+\+ compiler on PATH"):
        ship(tmp_path, [GENERIC])


def test_the_compiler_has_no_part_in_the_key(compiler, tmp_path, monkeypatch):
    key = shipped_key([GENERIC], "pinbench")
    monkeypatch.setenv("PATH", FakeCompiler(tmp_path / "bin2", version="g++ (fake) 2.0").path)
    assert shipped_key([GENERIC], "pinbench") == key


def test_operators_come_from_the_package_where_it_has_them(tmp_path, monkeypatch, cpus):
    """A shipped library that cannot be loaded is passed over, and what follows says why nothing else is there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    opened = []

    def open_library(library):
        opened.append(library.path)
        raise OSError("another C library")

    monkeypatch.setattr(operators, "find_shipped", lambda sets: operators.Library(path=tmp_path / "x", build_s=None))
    monkeypatch.setattr(operators, "_open", open_library)
    with pytest.raises(OperatorError, match=r"no C\+\+ compiler"):
        operators._load(tmp_path, cpus)
    assert opened == [tmp_path / "x"]
    monkeypatch.setattr(operators, "_open", lambda library: library.path)
    assert operators._load(tmp_path, cpus) == tmp_path / "x"
