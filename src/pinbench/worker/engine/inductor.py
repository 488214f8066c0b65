"""PyTorch's compiler, ahead of time: one shared object for a host and configuration, made once and loaded later.

AOTInductor and not ``torch.compile``: its package is a file that another process loads without a compiler, where
``torch.compile`` traces the model again at each start and looks its parts up in a cache. With freezing it packs the
weights of linear layers for oneDNN; outside AOT compilation it packs those in fp32 for MKL, which leaves AMD's
vector units half idle (torch/_inductor/fx_passes/mkldnn_fusion.py, ``V.aot_compilation``).
"""

import inspect
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from pinbench.base.cache import cache_folder
from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.artefact import find_or_make, key_of
from pinbench.worker.engine._needs import require_precision, versions
from pinbench.worker.engine._stateless import Stateless
from pinbench.worker.executable import Executable, Setting

NEEDS_GRAPH = True

_PACKAGE = "model.pt2"
_COMPILERS = ("g++", "clang++")
_PRECISIONS = (Precision.FP32, Precision.BFLOAT16)
_CONFIGURATION = {"freezing": True}


def require(precision: Precision) -> None:
    """Check for a compiler, unless something is compiled already.

    Raises:
        HostError: there is none, or `precision` is not one of the engine's.
    """
    require_precision("inductor", precision, _PRECISIONS, "it compiles floating-point models")
    if _compiler() is None and not any(_folder(cache_folder(os.environ)).glob(f"*/{_PACKAGE}")):
        raise _no_compiler()


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return the compiled model; it is compiled now only when no earlier start on this host has done that.

    Raises:
        HostError: it is to be compiled, and there is no compiler.
        ModelError: the cache cannot be written to.
    """
    stateless = Stateless(model)
    key = key_of(_key(stateless, inputs, setting.varying))
    artefact = find_or_make(
        _folder(setting.cache) / key, _PACKAGE, lambda path: _make(path, stateless, inputs, setting.varying)
    )
    # The loader itself: `torch._inductor.aoti_load_package` imports the whole compiler first, for seconds.
    loader = torch._C._aoti.AOTIModelPackageLoader(str(artefact.path), "model", True, 1, -1)
    run, lent = loader.run, list(stateless.lent)

    def call(*given: Tensor) -> Tensor:
        output: Tensor = run([*lent, *given])[0]
        return output

    facts = EngineFacts(
        name="inductor",
        versions=versions(("torch",)),
        threads=torch.get_num_threads(),
        compile_s=artefact.make_s,
        artefact=str(artefact.path),
        reused=artefact.reused,
        settings={name: str(value) for name, value in _CONFIGURATION.items()},
    )
    return Executable(call=call, facts=facts)


def _folder(cache: Path) -> Path:
    return cache / "inductor"


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, _COMPILERS)), None)


def _no_compiler() -> HostError:
    return HostError(
        f"ENGINE=inductor compiles with {' or '.join(_COMPILERS)}, and PATH has neither; "
        "install one (Debian, Ubuntu: apt-get install g++), or take ENGINE=eager, which needs none"
    )


def _make(path: Path, model: Stateless, inputs: tuple[Tensor, ...], varying: tuple[int, ...]) -> None:
    compiler = _compiler()
    if compiler is None:
        raise _no_compiler()
    from torch._inductor import aoti_compile_and_package
    from torch._inductor.utils import fresh_cache

    shapes = [{0: torch.export.Dim.DYNAMIC} if place in varying else None for place in range(len(inputs))]
    dynamic_shapes = {"given": (*(None for _ in model.lent), *shapes)}
    program = torch.export.export(model, (*model.lent, *inputs), dynamic_shapes=dynamic_shapes)
    with fresh_cache(dir=str(path.parent)):  # what inductor makes on its way is of no use to anyone later
        aoti_compile_and_package(
            program, package_path=str(path), inductor_configs={**_CONFIGURATION, "cpp.cxx": (None, compiler)}
        )


def _key(model: Stateless, inputs: tuple[Tensor, ...], varying: tuple[int, ...]) -> Iterator[str | bytes]:
    """Yield everything that the compiled code depends on: host, versions, threads, code, shapes, frozen weights."""
    yield _PACKAGE + repr(_CONFIGURATION) + torch.__version__ + torch.__config__.show() + platform.machine()
    yield _cpu_text() + torch.backends.cpu.get_cpu_capability() + os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    yield str(torch.get_num_threads())
    yield repr(model)
    yield from (Path(file).read_bytes() for file in sorted({_source_of(module) for module in model.modules()}))
    for tensor in model.lent:
        yield f"{tuple(tensor.shape)} {tensor.dtype}"
    for place, tensor in enumerate(inputs):
        yield f"{'any, ' if place in varying else ''}{tuple(tensor.shape)[place in varying :]} {tensor.dtype}"
    for name, tensor in model.kept():
        yield f"{name} {tuple(tensor.shape)} {tensor.dtype}"
        yield tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _source_of(module: nn.Module) -> str:
    return inspect.getsourcefile(type(module)) or type(module).__module__


def _cpu_text() -> str:
    """Return model and flags of the CPU: the code is compiled for this very one (``-march=native``)."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    kept = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU part", "CPU implementer", "Features")
    return "\n".join(line for line in text.splitlines() if line.partition("\t")[0].rstrip(" :") in kept)
