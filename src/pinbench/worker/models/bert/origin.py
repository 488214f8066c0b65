"""Where the weights come from: drawn from a seed, or a local folder in Hugging Face's layout."""

import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pinbench.base.errors import ModelError
from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.models.bert.tensors import HEAD, expected_shapes, house_name
from pinbench.worker.models.checkpoint_file import read_checkpoint

FILES = ("model.safetensors", "pytorch_model.bin")  # the first one that is there is read
_PARAMETER = "MODEL_DIR"
_DEVIATION = 0.02  # `initializer_range` of every published BERT


class WeightOrigin(Protocol):
    """A source of fp32 weights by Hugging Face's names; each may be asked for again."""

    name: str  # for the record: "seed 0", or the file and what it lacks
    identity: str  # tells its weights from those of another, for what is kept between runs

    def tensor(self, name: str) -> Tensor:
        """Return a weight, fp32."""


class SeededOrigin:
    """Weights drawn as BERT begins its training: normal with deviation 0.02, biases 0, norms 1 and 0.

    Each tensor has a stream of its own, by the seed and its name.
    """

    def __init__(self, config: BertConfig, seed: int) -> None:
        self._shapes = expected_shapes(config)
        self._seed = seed
        self.name = self.identity = f"seed {seed}"

    def tensor(self, name: str) -> Tensor:
        """Return a weight, fp32."""
        shape = self._shapes[name]
        if name.endswith(".bias"):
            return torch.zeros(shape)
        if ".LayerNorm." in name:
            return torch.ones(shape)
        stream = np.random.SeedSequence([self._seed, zlib.crc32(name.encode())])
        values = np.random.Generator(np.random.PCG64DXSM(stream)).standard_normal(shape, dtype=np.float32)
        values *= np.float32(_DEVIATION)
        return torch.from_numpy(values)


class FolderOrigin:
    """The weights of a folder, memory-mapped; a head that it has not is drawn from the seed, and `name` says so."""

    def __init__(self, folder: Path, config: BertConfig, seed: int) -> None:
        path = _weights_file(folder)
        self._state = _state(path, config)
        self._drawn = SeededOrigin(config, seed)
        lacks_head = any(name not in self._state for name in HEAD)
        if lacks_head:
            self._state = {name: weight for name, weight in self._state.items() if name not in HEAD}
        self.has_head = not lacks_head
        status = path.stat()
        drawn = f", without a head for questions: that is of seed {seed}" if lacks_head else ""
        self.name = f"{path}{drawn}"
        self.identity = f"{path.resolve()} of {status.st_size} bytes, {status.st_mtime_ns} ns{drawn}"

    def tensor(self, name: str) -> Tensor:
        """Return a weight, fp32."""
        return self._state[name].float() if name in self._state else self._drawn.tensor(name)


def _weights_file(folder: Path) -> Path:
    for name in FILES:
        if (folder / name).is_file():
            return folder / name
    raise ModelError(
        f"{_PARAMETER}={folder} has neither {' nor '.join(FILES)}; name the folder of a model in Hugging Face's layout"
    )


def _state(path: Path, config: BertConfig) -> dict[str, Tensor]:
    content = read_checkpoint(path, _PARAMETER)
    if isinstance(content, dict) and set(content) == {"state_dict"}:
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(weight, Tensor) for weight in content.values()):
        raise ModelError(f"{_PARAMETER}={path} holds no tensors by their names")
    found = {house_name(name): weight for name, weight in content.items()}
    expected = expected_shapes(config)
    for name, shape in expected.items():
        if name not in found:
            if name in HEAD:
                continue
            raise ModelError(f"{_PARAMETER}={path} has no {name}; its config.json, or the file, is of another model")
        if tuple(found[name].shape) != shape:
            is_there = "x".join(map(str, found[name].shape))
            asked = "x".join(map(str, shape))
            raise ModelError(f"{_PARAMETER}={path}: {name} is {is_there}, but config.json beside it asks for {asked}")
    # Others are of heads for other tasks: pooler, next sentence, masked words.
    return {name: found[name] for name in expected if name in found}
