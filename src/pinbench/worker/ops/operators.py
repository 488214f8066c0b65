"""The operators as PyTorch sees them, made from the parts of a model."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pinbench.base.errors import OperatorError
from pinbench.base.units import round_up
from pinbench.worker.ops.isa import variants
from pinbench.worker.ops.library import NAMESPACE, Library, discard, provide
from pinbench.worker.ops.parts import DlrmParts, widen
from pinbench.worker.ops.shipped import find_shipped

Operator = Callable[..., Tensor]  # of dense features and one id a table, or the rows of bags and their offsets

# oneDNN's products of bfloat16 are several times as fast with whole blocks of inputs: 480 instead of 479.
_INPUT_MULTIPLE = 16
_FEATURE_MULTIPLE = 32
# What lies between two layers stays in a cache, and is small enough for the allocator to give the same pages again.
_CHUNK_ROWS = 512
_CHUNK_ROWS_A_THREAD = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The classes of a loaded library. `build_s`: what it took to build; None: it came from the cache."""

    classes: Any  # torch.classes.<namespace>, made at run time
    build_s: float | None


# By namespace: PyTorch takes the classes of one only once a process, and ends the process at the second time.
_loaded: dict[str, Operators] = {}


def load(cache_dir: Path, cpus: Collection[int]) -> Operators:
    """Return the operators, built first where they are not in the cache; the same ones at each call of a process.

    Raises:
        OperatorError: they cannot be built or loaded.
    """
    if NAMESPACE not in _loaded:
        _loaded[NAMESPACE] = _load(cache_dir, cpus)
    return _loaded[NAMESPACE]


def make_layers(operators: Operators, parts: DlrmParts, isa: str, batch_size: int) -> Operator:
    """Return the model as oneDNN's packed layers around the lookup, for any number of samples."""
    chunk = chunk_rows(batch_size)
    inputs = round_up(parts.inputs, _INPUT_MULTIPLE)
    features = round_up(parts.features, _FEATURE_MULTIPLE)
    head = parts.head_weight_I if parts.over.weights else widen(parts.head_weight_I[None], features)[0]
    return _forward(
        operators.classes.DlrmLayers(
            isa, parts.tables_RD, parts.first_row_F, parts.rows_F, parts.inputs, inputs, features,
            _packed(parts.bottom.weights, inputs, chunk), list(parts.bottom.biases),
            _packed(parts.over.weights, features, chunk), list(parts.over.biases), head, parts.head_bias, chunk,
        )
    )  # fmt: skip


def chunk_rows(batch_size: int) -> int:
    """Return how many samples the layers are to work on at a time."""
    return min(batch_size, max(_CHUNK_ROWS, _CHUNK_ROWS_A_THREAD * torch.get_num_threads()))


def make_chain(
    operators: Operators, parts: DlrmParts, isa: str, batch_size: int, packed: Tensor | None = None
) -> Operator:
    """Return the model as one chain of products in one parallel region, for up to `batch_size` samples.

    `packed`: its weights as `packed_weights` gives them; they stay where they lie.
    """
    return _forward(_chain(operators, parts, isa, batch_size, packed))


def packed_weights(operators: Operators, parts: DlrmParts, isa: str) -> Tensor:
    """Return the weights as each chain for `isa` reads them, as bytes."""
    packed: Tensor = _chain(operators, parts, isa, 1).packed()
    return packed


def make_chain_profile(operators: Operators, parts: DlrmParts, isa: str, batch_size: int) -> Operator:
    """Return what makes a call of the chain and tells its seconds: entrance, bottom's layers, dots, over's, head."""
    profile: Operator = _chain(operators, parts, isa, batch_size).profile
    return profile


def make_lookup_dots(operators: Operators, parts: DlrmParts, isa: str, width: int) -> Operator:
    """Return the lookup and the dots alone, rows of `width` values with zeros at their end."""
    return _forward(
        operators.classes.LookupDots(isa, parts.tables_RD, parts.first_row_F, parts.rows_F, width),
    )


def _load(cache_dir: Path, cpus: Collection[int]) -> Operators:
    shipped = find_shipped(variants())
    if shipped is not None:
        with suppress(OSError):  # for a system with another C library; what follows says what can be done here
            return _open(shipped)
    library = provide(cache_dir, variants(), cpus)
    try:
        return _open(library)
    except OSError:
        # Whole, but not for this system: a cache that hosts with different C libraries share.
        discard(library)
    library = provide(cache_dir, variants(), cpus)
    try:
        return _open(library)
    except OSError as error:
        raise OperatorError(f"{library.path} cannot be loaded: {error.__cause__ or error}") from error


def _open(library: Library) -> Operators:
    torch.classes.load_library(str(library.path))
    return Operators(classes=getattr(torch.classes, NAMESPACE), build_s=library.build_s)


def _chain(operators: Operators, parts: DlrmParts, isa: str, batch_size: int, packed: Tensor | None = None) -> Any:
    return operators.classes.DlrmChain(
        isa, parts.tables_RD, parts.first_row_F, parts.rows_F,
        list(parts.bottom.weights), [bias_O.float() for bias_O in parts.bottom.biases],
        list(parts.over.weights), [bias_O.float() for bias_O in parts.over.biases],
        parts.head_weight_I, parts.head_bias, batch_size, packed,
    )  # fmt: skip


def _forward(operator: Any) -> Operator:
    forward: Operator = operator.forward
    return forward


def _packed(weights: tuple[Tensor, ...], first_inputs: int, batch_size: int) -> list[Tensor]:
    wide = [widen(weight_OI, first_inputs) if layer == 0 else weight_OI for layer, weight_OI in enumerate(weights)]
    return [torch.ops.mkldnn._reorder_linear_weight(weight_OI, batch_size) for weight_OI in wide]
