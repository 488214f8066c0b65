"""What carries the tensors: gloo, which PyTorch always has, oneCCL or NCCL."""

import importlib
from enum import StrEnum

from torch import distributed

from pinbench.base.errors import HostError

_CCL = "oneccl_bindings_for_pytorch"  # registers the backend when it is imported


class Backend(StrEnum):
    """The values of DIST_BACKEND, in PyTorch's words."""

    GLOO = "gloo"
    CCL = "ccl"
    NCCL = "nccl"


def require(backend: Backend, device: str) -> None:
    """Make `backend` known to PyTorch, for tensors on `device`.

    Raises:
        HostError: it is not there, or does not carry such tensors; says the way out.
    """
    is_cuda = device.partition(":")[0] == "cuda"
    if (backend is Backend.NCCL) != is_cuda:
        carries = "tensors on CUDA devices only" if backend is Backend.NCCL else "tensors on the CPU only"
        raise HostError(
            f"DIST_BACKEND={backend} exchanges {carries}, and this trains on {device}; choose "
            f"{Backend.NCCL if is_cuda else Backend.GLOO}"
        )
    if backend is Backend.CCL:
        _import_ccl()
    if backend is Backend.NCCL and not distributed.is_nccl_available():
        raise HostError("DIST_BACKEND=nccl needs a PyTorch that is built with NCCL, which this one is not; choose gloo")
    if not distributed.is_available() or not distributed.is_backend_available(backend):
        raise HostError(f"DIST_BACKEND={backend}: this PyTorch does not have it; choose another one")


def _import_ccl() -> None:
    try:
        importlib.import_module(_CCL)
    except (ImportError, OSError) as error:  # OSError: its libraries are of another PyTorch
        raise HostError(
            f"DIST_BACKEND=ccl needs {_CCL} for this PyTorch ({' '.join(str(error).split())}); install Intel's package "
            "into this environment, or choose gloo"
        ) from error
