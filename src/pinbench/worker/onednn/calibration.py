"""What range each layer's input takes on rows that stand for all: the scales of static quantisation.

The range is not simply that of the values: a few large ones would leave few codes to the rest. It is the one, of
ranges that are shrunk step by step, whose codes are off by the least, in the mean of the squares. Scales are kept in
the user's cache, so that all instances and later runs of the same model have the same ones.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pinbench.base.cache import cache_folder
from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.worker.onednn.quantized_linear import LARGEST_CODE, Quantization

_SCHEMA = 1
_SAMPLES = 1 << 18  # values of a tensor that are looked at
_SHRINKS = tuple(1 - step / 64 for step in range(48))
_SMALLEST_SCALE = 1e-12  # of an input that is always 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The rows to calibrate on, and what tells one calibration from another."""

    feed: Callable[[nn.Module], None]  # runs the model on all rows
    model: str  # what tells its weights from others
    rows: str  # the same of the rows

    @property
    def identity(self) -> str:
        """All that decides the scales, but for the software."""
        return f"{self.model}, on {self.rows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    schema: int
    identity: str
    inputs: tuple[Quantization, ...]  # of each layer, in the model's order


def quantizations(
    model: nn.Module, linears: Sequence[nn.Linear], calibration: Calibration
) -> dict[nn.Linear, Quantization]:
    """Return how the input of each of `linears` becomes codes."""
    identity = f"{calibration.identity}; {[linear.in_features for linear in linears]}; torch {torch.__version__}"
    path = cache_folder(os.environ) / "calibration" / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"
    kept = _read(path, identity, len(linears))
    if kept is None:
        kept = _observed(model, linears, calibration.feed)
        _keep(path, _Kept(schema=_SCHEMA, identity=identity, inputs=kept))
    return dict(zip(linears, kept, strict=True))


def best_quantization(values: Tensor) -> Quantization:
    """Return the codes that are off the least for `values`, fp32."""
    low, high = min(0.0, values.min().item()), max(0.0, values.max().item())
    choices = [_quantization(low * shrink, high * shrink) for shrink in _SHRINKS]
    return min(choices, key=lambda choice: _error(values, choice))


def _read(path: Path, identity: str, layers: int) -> tuple[Quantization, ...] | None:
    try:
        kept = from_jsonable(_Kept, read_json(path))
    except RecordError:
        return None
    is_it = kept.schema == _SCHEMA and kept.identity == identity and len(kept.inputs) == layers
    return kept.inputs if is_it else None


def _keep(path: Path, kept: _Kept) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, kept)
    except (OSError, RecordError):
        return  # a cache that cannot be written costs the next run some seconds, this one nothing


def _observed(
    model: nn.Module, linears: Sequence[nn.Linear], feed: Callable[[nn.Module], None]
) -> tuple[Quantization, ...]:
    with _watching(linears) as seen:
        feed(model)
    return tuple(best_quantization(torch.cat(seen[linear])) for linear in linears)


def _quantization(low: float, high: float) -> Quantization:
    scale = max((high - low) / LARGEST_CODE, _SMALLEST_SCALE)
    return Quantization(scale=scale, zero=round(-low / scale))


def _error(values: Tensor, choice: Quantization) -> float:
    code = values.div(choice.scale).round_().add_(choice.zero).clamp_(0, LARGEST_CODE)
    return float(code.sub_(choice.zero).mul_(choice.scale).sub_(values).square_().mean())


@contextmanager
def _watching(linears: Sequence[nn.Linear]) -> Iterator[dict[nn.Linear, list[Tensor]]]:
    seen: dict[nn.Linear, list[Tensor]] = {linear: [] for linear in linears}

    def look(linear: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(linear, nn.Linear)
        values = inputs[0].detach().float().flatten()
        # An odd stride, so that all columns of a matrix of even width are among them.
        stride = (len(values) // _SAMPLES) | 1
        seen[linear].append(values[::stride].clone())

    hooks = [linear.register_forward_pre_hook(look) for linear in linears]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
