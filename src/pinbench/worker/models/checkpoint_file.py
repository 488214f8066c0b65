"""The file of a checkpoint: read without running anything in it, or refused with what is wrong with it.

Two containers of torch are in use: a zip archive, whose directory stands at its end, and the pickles behind each other
that torch wrote before 1.6, whose end only reading them finds. Both are mapped, as a .safetensors file is: of 96 GB of
tables, each page is read when its rows are copied to where the model has them, and given back when its table is done.
"""

import pickle
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinbench.base.errors import ModelError
from pinbench.worker.models.legacy_container import read_legacy
from pinbench.worker.models.safetensors_file import SUFFIX, read_safetensors

# The reference stores its accuracies and losses as numpy scalars; these types construct numbers and nothing else.
# The name under which numpy < 2 pickled the constructor is mapped to where it lives today.
_NUMBER_TYPES: list[Any] = [
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),  # type: ignore[attr-defined]
    np._core.multiarray.scalar,  # type: ignore[attr-defined]
    np.dtype,
    type(np.dtype(np.float32)),
    type(np.dtype(np.float64)),
]

_ZIP_BEGIN = b"PK\x03\x04"
_LEGACY_BEGIN = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
# What torch and pickle raise on bytes that end too early or are not what was written.
_UNREADABLE = (
    pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, TypeError, LookupError, AttributeError,
    struct.error,
)  # fmt: skip
_FETCH = "fetch it again and compare its size or hash with the original's"


def read_checkpoint(path: Path, parameter: str = "CHECKPOINT") -> object:
    """Return what `path` holds, its tensors memory-mapped; of a .safetensors file what torch.save would hold of it.

    Args:
        path: the file.
        parameter: the one that it was named by, for messages.

    Raises:
        ModelError: there is no such file, or it is no checkpoint, cut short, damaged, or holds code.
    """
    if not path.is_file():
        raise ModelError(f"{parameter}={path}: no such file")
    if path.suffix == SUFFIX:
        return {"state_dict": read_safetensors(path, parameter)}
    try:
        is_zip = _is_zip(path, parameter)
        with torch.serialization.safe_globals(_NUMBER_TYPES):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True) if is_zip else read_legacy(path)
    except _UNREADABLE as error:
        raise _refusal(path, parameter, _reason(error)) from error


def _is_zip(path: Path, parameter: str) -> bool:
    """Return whether the container is a zip archive; refuse what is neither container, or visibly not all of one."""
    with path.open("rb") as file:
        begin = file.read(len(_LEGACY_BEGIN))
    if not begin:
        raise _refusal(path, parameter, f"it is empty; {_FETCH}")
    kinds = [kind for kind in (_ZIP_BEGIN, _LEGACY_BEGIN) if begin.startswith(kind) or kind.startswith(begin)]
    if not kinds:
        raise _refusal(path, parameter, "it begins like no file of torch.save; name one that torch.save has written")
    if kinds == [_ZIP_BEGIN] and not zipfile.is_zipfile(path):
        size = path.stat().st_size
        end = f"it is cut short after {size} bytes: the directory at its end is missing; {_FETCH}"
        raise _refusal(path, parameter, end)
    return kinds == [_ZIP_BEGIN]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    code = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
    if code is not None:
        return f"it holds {code[1]}, neither tensor nor number, or is damaged; save its state_dict alone, or {_FETCH}"
    return f"it is cut short or damaged; {_FETCH}"


def _refusal(path: Path, parameter: str, reason: str) -> ModelError:
    return ModelError(f"{parameter}={path} cannot be read as a PyTorch checkpoint: {reason}")
