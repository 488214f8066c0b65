"""Which kernels oneDNN really dispatched to, read from its own verbose log.

The format is documented in oneDNN's developer guide, "Verbose Mode": comma-separated fields
``onednn_verbose,v1,primitive,exec,cpu,<primitive>,<implementation>,<propagation>,<types>,...``; the line with
``isa:`` is printed once in a process, before its first primitive.
"""

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from pinbench.contract.result import IsaReadback, Kernel
from pinbench.worker.onednn.packed_linear import PackedLinear

_FPMATH = re.compile(r"\battr-fpmath:(\w+)")
_VERSION = re.compile(r",info,(?:oneDNN|DNNL) (v.*)")


def read_header(verbosity: int = 0) -> IsaReadback:
    """Return the version and the ``isa:`` line, without kernels.

    oneDNN prints these lines once: to be called before any other use of it in the process.
    """
    return replace(read_dispatch(lambda: PackedLinear(nn.Linear(1, 1), "none", 1), verbosity), kernels=())


def read_dispatch(call: Callable[[], Any], verbosity: int = 0) -> IsaReadback:
    """Run `call` once and return what oneDNN said that it executed.

    oneDNN writes to the process's standard output, so that file descriptor is turned to a temporary file
    meanwhile. With a `verbosity`, the value of ONEDNN_VERBOSE, that text is passed on, and oneDNN stays as verbose
    as it was: PyTorch's context manager silences it when it is left.
    """

    def logged() -> None:
        with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON_CREATION):  # type: ignore[no-untyped-call]
            call()

    text = captured(logged)
    if verbosity:
        sys.stdout.write(text)
        sys.stdout.flush()
        torch._C._verbose.mkldnn_set_verbose(verbosity)
    return parse_verbose(text)


def captured(call: Callable[[], Any]) -> str:
    """Run `call` and return what it wrote to the process's standard output below Python."""
    sys.stdout.flush()
    with tempfile.TemporaryFile() as log:
        saved = os.dup(1)
        try:
            os.dup2(log.fileno(), 1)
            call()
            _flush_c_stdout()
        finally:
            os.dup2(saved, 1)
            os.close(saved)
        log.seek(0)
        return log.read().decode("utf-8", errors="replace")


def parse_verbose(text: str) -> IsaReadback:
    """Return version, header and the executed primitives, each distinct one with its number of calls."""
    version = header = None
    calls: Counter[tuple[str, str, str]] = Counter()
    for line in text.splitlines():
        fields = line.split(",")
        if not fields[0].startswith(("onednn_verbose", "dnnl_verbose")):
            continue
        if (found := _VERSION.search(line)) is not None:
            version = found[1]
        if "isa:" in line:
            header = line.split("isa:", 1)[1].strip()
        if "exec" in fields[:5]:
            primitive, implementation, _, types, *others = fields[fields.index("exec") + 2 :][:5]
            calls[primitive, implementation, " ".join([_dtypes(types), *map(_fpmath, others)]).strip()] += 1
    kernels = [
        Kernel(primitive=primitive, implementation=implementation, types=types, calls=count)
        for (primitive, implementation, types), count in calls.items()
    ]
    return IsaReadback(header=header, kernels=tuple(kernels), version=version)


def _dtypes(types: str) -> str:
    # "src:f32::blocked:ab::f0 wei:f32:a:blocked:..." -> "src:f32 wei:f32"
    return " ".join(":".join(part.split(":")[:2]) for part in types.split())


def _fpmath(attributes: str) -> str:
    """Return "fpmath:bf16" where the attributes allow products of another type than the data's; else nothing."""
    found = _FPMATH.search(attributes)
    return "" if found is None else f"fpmath:{found[1]}"


def _flush_c_stdout() -> None:
    import ctypes

    ctypes.CDLL(None).fflush(None)
