"""The C++ compiler: found on PATH, told what to do by lists of words.

One unit a set of instructions, so that no code for a newer CPU can take the place of what an older one needs, and one
that knows PyTorch. The units are linked without a library of OpenMP: the symbols are then those of the runtime that
PyTorch itself has loaded, whose threads are the pinned ones.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from pinbench.base.errors import OperatorError
from pinbench.worker.ops.isa import Variant

# g++ first: its OpenMP is the one that PyTorch's packages for Linux come with.
_NAMES = ("g++", "c++", "clang++")
_DEADLINE_S = 900  # of one unit; some 20 s each on a slow core, and eight instances may share one

SOURCES = Path(__file__).parent / "source"
_TORCH = Path(torch.__file__).parent
_COMMON = ("-std=c++20", "-fPIC", "-c")  # C++20: what the headers of PyTorch 2.13 need
_KERNEL = ("-O3", "-ffp-contract=fast", "-Wno-psabi")
_MODULE = ("-O2", "-fopenmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A C++ compiler: its path, and what it says of itself."""

    path: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A translation unit: the words that compile it, and the object file that they make."""

    command: tuple[str, ...]
    output: Path


def find_compiler() -> Compiler:
    """Return the first C++ compiler on PATH.

    Raises:
        OperatorError: there is none, or it does not run.
    """
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise OperatorError(f"there is no C++ compiler on PATH ({', '.join(_NAMES)})")
    return Compiler(path=found, version=_run((found, "--version")).splitlines()[0])


def units(compiler: str, folder: Path, variants: Sequence[Variant], namespace: str) -> tuple[Unit, ...]:
    """Return how each unit is compiled into `folder`, the longest first."""
    isas = " ".join(f"ISA({variant.name})" for variant in variants)
    includes = (_TORCH / "include", _TORCH / "include" / "torch" / "csrc" / "api" / "include")
    module = folder / "module.o"
    words = [compiler, *_COMMON, *_MODULE, f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"]
    words += [_namespace(namespace), f"-DPINBENCH_ISAS={isas}"]
    words += [word for include in includes for word in ("-isystem", str(include))]
    first = Unit(command=(*words, str(SOURCES / "module.cpp"), "-o", str(module)), output=module)
    return (first, *(_kernel_unit(compiler, folder, variant, namespace) for variant in reversed(variants)))


def link_command(compiler: str, objects: Iterable[Path], output: Path) -> tuple[str, ...]:
    """Return how the objects become one library that PyTorch can load."""
    libraries = (f"-L{_TORCH / 'lib'}", "-lc10", "-ltorch_cpu")
    return (compiler, "-shared", *map(str, objects), *libraries, "-o", str(output))


def build(compiler: Compiler, folder: Path, variants: Sequence[Variant], namespace: str, cpus: Collection[int]) -> Path:
    """Return the library built in `folder`, on `cpus`.

    Raises:
        OperatorError: the compiler complains; says its first complaint.
    """
    todo = units(compiler.path, folder, variants, namespace)
    # A thread that an OpenMP runtime has bound would hand its one CPU on to the compilers.
    with ThreadPoolExecutor(len(cpus), initializer=_free_on(cpus)) as pool:
        for _ in pool.map(lambda unit: _run(unit.command), todo):
            pass
    output = folder / "operators.so"
    _run(link_command(compiler.path, [unit.output for unit in todo], output))
    return output


def plain_command(compiler: str, source: Path, output: Path) -> tuple[str, ...]:
    """Return how one source that knows nothing of PyTorch becomes a library, for any CPU of the architecture.

    Products and sums stay apart: each is rounded, as elsewhere.
    """
    return (compiler, "-std=c++20", "-O3", "-ffp-contract=off", "-fPIC", "-shared", str(source), "-o", str(output))


def build_plain(compiler: Compiler, source: Path, output: Path) -> None:
    """Build that library.

    Raises:
        OperatorError: the compiler complains; says its first complaint.
    """
    _run(plain_command(compiler.path, source, output))


def _namespace(namespace: str) -> str:
    return f"-DPINBENCH_NAMESPACE={namespace}"


def _kernel_unit(compiler: str, folder: Path, variant: Variant, namespace: str) -> Unit:
    output = folder / f"{variant.name}.o"
    words = (compiler, *_COMMON, *_KERNEL, *variant.options, _namespace(namespace), f"-DPINBENCH_ISA={variant.name}")
    return Unit(command=(*words, str(SOURCES / "kernels.cpp"), "-o", str(output)), output=output)


def _free_on(cpus: Collection[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cpus)


def _run(command: Sequence[str]) -> str:
    """Return what the command prints."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_DEADLINE_S,
            check=False, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise OperatorError(f"{command[0]} did not finish within {_DEADLINE_S} s") from error
    except OSError as error:
        raise OperatorError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        raise OperatorError(f"{command[0]} failed: {_first_complaint(done.stderr) or f'exit {done.returncode}'}")
    return done.stdout


def _first_complaint(stderr: str) -> str | None:
    lines = stderr.splitlines()
    return next((line.strip() for line in lines if "error" in line), lines[0] if lines else None)
