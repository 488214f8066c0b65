"""How the operators are compiled: lists of words, and for every instruction set with what it needs."""

import platform
import shutil
import subprocess

import pytest

from pinbench.base.errors import OperatorError
from pinbench.worker.ops.compiler import build, find_compiler, link_command, units
from pinbench.worker.ops.isa import GENERIC, variants

_OBJDUMP = shutil.which("objdump")


def test_each_instruction_set_is_a_unit_of_its_own_and_none_but_its_own_gets_its_options(tmp_path):
    made = {unit.output.name: unit.command for unit in units("g++", tmp_path, variants("x86_64"), "pinbench")}
    assert list(made) == [
        "module.o", "avx512_core_bf16.o", "avx512_core_vnni.o", "avx512_core.o", "avx2.o", "generic.o",
    ]  # fmt: skip
    assert not [word for name in ("module.o", "generic.o") for word in made[name] if word.startswith("-m")]
    assert [word for word in made["avx2.o"] if word.startswith("-m")] == ["-mavx2", "-mfma"]
    assert "-mavx512bf16" in made["avx512_core_bf16.o"]
    assert "-mavx512bf16" not in made["avx512_core_vnni.o"]
    assert "-mavx512vnni" not in made["avx512_core.o"]
    names = ("generic", "avx2", "avx512_core", "avx512_core_vnni", "avx512_core_bf16")
    assert f"-DPINBENCH_ISAS={' '.join(f'ISA({name})' for name in names)}" in made["module.o"]


def test_the_library_is_linked_without_an_openmp_runtime_of_its_own(tmp_path):
    command = link_command("g++", [tmp_path / "a.o"], tmp_path / "b.so")
    assert not [word for word in command if "omp" in word]
    assert command[-2:] == ("-o", str(tmp_path / "b.so"))


def test_a_compiler_that_cannot_be_run_is_named(tmp_path, cpus, monkeypatch):
    (tmp_path / "g++").write_text("not a program")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperatorError, match=r"g\+\+ cannot be run: Exec format error"):
        find_compiler()


def test_sources_that_are_not_for_this_compiler_fail_with_its_first_complaint(tmp_path, cpus):
    if shutil.which("g++") is None:
        pytest.skip("no g++ on PATH")
    with pytest.raises(OperatorError, match=r"g\+\+ failed: .*error: .*'9'|g\+\+ failed: .*error"):
        build(find_compiler(), tmp_path, [GENERIC], "9", cpus)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="instruction sets of x86-64")
@pytest.mark.skipif(_OBJDUMP is None, reason="no objdump on PATH")
@pytest.mark.parametrize(
    ("name", "has", "has_not"),
    [
        ("generic", "mulps", "%ymm"),
        ("avx2", "vfmadd", "%zmm"),
        ("avx512_core", "%zmm", "vpdpbusd"),
        ("avx2", "vpmaddubsw", "vpdpbusd"),
        ("avx512_core_vnni", "vpdpbusd", "vdpbf16ps"),
        ("avx512_core_bf16", "vdpbf16ps", "%tmm"),
    ],
)
def test_a_unit_holds_the_instructions_of_its_name_and_none_above(tmp_path, name, has, has_not):
    if shutil.which("g++") is None:
        pytest.skip("no g++ on PATH")
    unit = next(u for u in units("g++", tmp_path, variants(), "pinbench") if u.output.name == f"{name}.o")
    subprocess.run(unit.command, check=True)
    code = subprocess.run([_OBJDUMP, "-d", unit.output], check=True, capture_output=True, text=True).stdout
    assert has in code
    assert has_not not in code
