"""Checkpoints of a training: the weights by the reference's names, and in the header where the training stands.

The container is safetensors (a length, a table of names, types and places as JSON, numbers), so that inference reads
them as CHECKPOINT, and nothing in them can run. There is one file; a new one takes its place when it is on the disk.
"""

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pinbench.base.errors import ModelError, RecordError, UsageError
from pinbench.base.jsonio import from_jsonable, to_jsonable
from pinbench.contract.result import Evaluation
from pinbench.worker.data.sync import sync

FILE = "training.safetensors"

_KEY = "pinbench_training"  # of the header's metadata
_ALIGNMENT_BYTES = 8  # of what comes behind the header, as the container's own library writes it
_PIECE_NUMBERS = 1 << 24  # written at a time: what a device's weights are copied to the CPU in


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Where a training stands."""

    step: int  # optimizer steps made
    epoch: int  # whole epochs learned
    row: int  # rows of the next epoch learned
    seed: int
    orders: Mapping[str, str]  # parameters that another run must share to go on, by their names
    loss_sum: float  # of the steps since the last evaluation
    loss_steps: int
    elapsed_s: float  # since the first step
    evaluations: tuple[Evaluation, ...]


class Checkpoints:
    """The checkpoint in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def save(self, saved: Saved, weights: Mapping[str, Tensor]) -> None:
        """Put a new checkpoint in the place of the last one, or leave that as it is.

        Raises:
            ModelError: a weight is not finite, or the file system refuses; says that the last one is intact.
        """
        self._require_finite(saved.step, weights)
        temporary = self.path.with_name(f".{self.path.name}.part")
        try:
            with temporary.open("wb", buffering=0) as file:
                for piece in _content(saved, weights):
                    _write(file.fileno(), piece)
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
            sync(self.path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ModelError(
                f"cannot save the checkpoint of step {saved.step} as {self.path}: {error.strerror}; "
                f"{self.last()}; make room, then RESUME=True goes on"
            ) from error

    def last(self) -> str:
        """Return what to tell of the last checkpoint."""
        if not self.path.exists():
            return "there is no earlier one"
        try:
            return f"that of step {read_saved(self.path).step} is intact"
        except ModelError as error:
            return f"the earlier one is damaged ({error})"

    def _require_finite(self, step: int, weights: Mapping[str, Tensor]) -> None:
        for name, weight in weights.items():
            if not all(torch.isfinite(piece).all() for piece in _pieces(weight)):
                raise ModelError(
                    f"{name} has a weight that is not finite after step {step}: the training has diverged; set "
                    f"LEARNING_RATE lower or LR_WARMUP_STEPS higher; of checkpoints, {self.last()}"
                )


def read_saved(path: Path) -> Saved:
    """Return where the training stands whose checkpoint `path` is.

    Raises:
        ModelError: there is none, or it is cut short, damaged, or of something else.
    """
    if not path.is_file():
        raise ModelError(f"CHECKPOINT_DIR={path.parent} has no {path.name} to go on with; leave RESUME out to begin")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return from_jsonable(Saved, json.loads(metadata[_KEY]), path.name)
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{path} cannot be read as safetensors: {reason}; copy it again, or begin anew in another CHECKPOINT_DIR"
        ) from error
    except (KeyError, ValueError, RecordError) as error:
        raise ModelError(
            f"{path} does not say where a training stands ({error}); to begin with its weights, set CHECKPOINT to it "
            "and leave RESUME out"
        ) from error


def require_same(saved: Saved, orders: Mapping[str, str], path: Path) -> None:
    """Refuse to go on with other orders: the result would be that of no training.

    Raises:
        UsageError: names the first difference.
    """
    for name in sorted({*saved.orders, *orders}):
        before, now = saved.orders.get(name, "absent"), orders.get(name, "absent")
        if before != now:
            raise UsageError(
                f"RESUME=True: {path} was written with {name}={before}, now {name}={now}; set that, or begin anew in "
                "another CHECKPOINT_DIR"
            )


def require_rest(saved: Saved, last_step: int, target_auc: float | None, path: Path) -> None:
    """Refuse to go on where there is nothing left to do.

    Raises:
        UsageError: says why.
    """
    reached = [found.accuracy.auc for found in saved.evaluations if found.accuracy.auc >= (target_auc or math.inf)]
    if saved.step >= last_step or reached:
        why = f"reached TARGET_AUC={target_auc:g}" if reached else f"has the {last_step} steps of EPOCHS or STEPS"
        raise UsageError(
            f"RESUME=True: the training in {path} has ended after {saved.step} steps: it {why}; ask for more, or begin "
            "anew in another CHECKPOINT_DIR"
        )


def _content(saved: Saved, weights: Mapping[str, Tensor]) -> Iterator[memoryview]:
    table: dict[str, object] = {"__metadata__": {"format": "pt", _KEY: json.dumps(to_jsonable(saved))}}
    begin = 0
    for name, weight in weights.items():
        end = begin + weight.numel() * weight.element_size()
        assert weight.dtype == torch.float32
        table[name] = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [begin, end]}
        begin = end
    header = json.dumps(table).encode()
    header += b" " * (-len(header) % _ALIGNMENT_BYTES)
    yield memoryview(struct.pack("<Q", len(header)) + header)
    for weight in weights.values():
        for piece in _pieces(weight):
            yield piece.cpu().numpy().data.cast("B")


def _pieces(weight: Tensor) -> Iterator[Tensor]:
    numbers = weight.detach().reshape(-1)
    for begin in range(0, len(numbers), _PIECE_NUMBERS):
        yield numbers[begin : begin + _PIECE_NUMBERS]


def _write(handle: int, content: memoryview) -> None:
    written = 0
    while written < len(content):
        written += os.write(handle, content[written:])
