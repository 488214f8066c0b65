"""The safetensors container: a table of names, types and places as JSON, then numbers, which are mapped."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from pinbench.base.errors import ModelError

SUFFIX = ".safetensors"


def read_safetensors(path: Path, parameter: str = "CHECKPOINT") -> dict[str, Tensor]:
    """Return the tensors of `path` by their names; their numbers are read where they are used.

    Raises:
        ModelError: the file is cut short, damaged or no such container.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the handle is no mapping
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{parameter}={path} cannot be read as safetensors: {reason}; fetch it again and compare its size or hash "
            "with the original's"
        ) from error
