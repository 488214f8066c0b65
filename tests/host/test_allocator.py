from pathlib import Path

import pytest

from pinbench.base.errors import ExitCode, HostError, UsageError
from pinbench.harness.host.allocator import find_allocator


def install(root, *paths):
    for name in paths:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x7fELF")


def test_the_c_librarys_own_allocator_needs_no_file(tmp_path):
    assert find_allocator("", "x86_64", tmp_path, extra=()) is None


def test_multiarch_directories_are_those_of_the_architecture(tmp_path):
    install(tmp_path, "usr/lib/aarch64-linux-gnu/libjemalloc.so.2")
    found = find_allocator("jemalloc", "aarch64", tmp_path, extra=())
    assert found == tmp_path / "usr/lib/aarch64-linux-gnu/libjemalloc.so.2"
    with pytest.raises(HostError):
        find_allocator("jemalloc", "x86_64", tmp_path, extra=())


def test_64_bit_directories_go_before_those_that_may_hold_32_bit_libraries(tmp_path):
    install(tmp_path, "usr/lib/libjemalloc.so.2", "usr/lib64/libjemalloc.so.2")
    assert find_allocator("jemalloc", "x86_64", tmp_path, extra=()) == tmp_path / "usr/lib64/libjemalloc.so.2"


def test_the_virtual_environment_goes_before_the_system(tmp_path):
    install(tmp_path, "venv/lib/libtcmalloc.so.4", "usr/lib64/libtcmalloc_minimal.so.4")
    found = find_allocator("tcmalloc", "x86_64", tmp_path, extra=[tmp_path / "venv/lib"])
    assert found == tmp_path / "venv/lib/libtcmalloc.so.4"


def test_an_absent_library_is_refused_with_the_packages_to_install(tmp_path):
    with pytest.raises(HostError, match=r"install tcmalloc \(Debian and Ubuntu: libtcmalloc-minimal4") as caught:
        find_allocator("tcmalloc", "x86_64", tmp_path, extra=[Path("/nowhere")])
    assert caught.value.exit_code == ExitCode.SKIPPED


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="no allocator named 'mimalloc'; there are: jemalloc, tcmalloc"):
        find_allocator("mimalloc", "x86_64", tmp_path)
