"""Uniform numbers, bit by bit numpy's, by a kernel that is compiled once: gigabytes of them are half of a start."""

import ctypes
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import ModelError, OperatorError
from pinbench.worker import artefact
from pinbench.worker.ops.compiler import build_plain, find_compiler, plain_command

Words = npt.NDArray[np.uint64]  # state and increment of a PCG64DXSM, the high half of each first
# words, draws to leave out, scale, what is taken off then, and where the numbers go: float32, or bits of bfloat16
Uniform = Callable[[Words, int, float, float, npt.NDArray[np.float32] | npt.NDArray[np.uint16]], None]

_SOURCE = Path(__file__).parent / "plain_source" / "uniform.cpp"
_FILE = "uniform.so"
_HALF = (1 << 64) - 1


def load_uniform(cache_dir: Path) -> Uniform:
    """Return the kernel from the cache, compiled first where it is not there: a second on a slow core.

    Raises:
        OperatorError: there is no compiler, it complains, or the cache cannot be used.
    """
    compiler = find_compiler()
    words = [platform.machine(), compiler.version, str(plain_command(compiler.path, _SOURCE, Path()))]
    folder = cache_dir / "operators" / artefact.key_of([*words, _SOURCE.read_bytes()])
    try:
        found = artefact.find_or_make(folder, _FILE, lambda path: build_plain(compiler, _SOURCE, path))
        library = ctypes.CDLL(str(found.path))
    except (ModelError, OSError) as error:
        raise OperatorError(f"the cache {cache_dir} cannot be used: {error}") from error
    kernels = {np.dtype(np.float32): library.pinbench_uniform_float,
               np.dtype(np.uint16): library.pinbench_uniform_bfloat16}  # fmt: skip
    for kernel in kernels.values():
        kernel.restype = None
        kernel.argtypes = (
            ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_float, ctypes.c_float, ctypes.c_void_p,
        )  # fmt: skip

    def uniform(
        words: Words, first: int, scale: float, minus: float, to: npt.NDArray[np.float32] | npt.NDArray[np.uint16]
    ) -> None:
        assert to.flags.c_contiguous, "the kernel writes numbers behind each other"
        assert to.size % 2 == 0, "a draw makes two numbers"
        kernels[to.dtype](words.ctypes.data, first, to.size // 2, scale, minus, to.ctypes.data)

    return uniform


def words_of(generator: np.random.PCG64DXSM) -> Words:
    """Return where `generator` stands."""
    state = generator.state["state"]
    return np.array([state["state"] >> 64, state["state"] & _HALF, state["inc"] >> 64, state["inc"] & _HALF], np.uint64)
