"""The weights of a chain that the instances of a node share: packed by the first of them that comes."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pinbench.contract.result import PackedWeights
from pinbench.worker.artefact import key_of
from pinbench.worker.executable import Place
from pinbench.worker.ops.code_operators import packed_code_weights
from pinbench.worker.ops.code_parts import CodeParts, CodeStack
from pinbench.worker.ops.operators import Operators, packed_weights
from pinbench.worker.ops.parts import DlrmParts
from pinbench.worker.packed_weights import find_or_pack


def share(place: Place, operators: Operators, parts: DlrmParts, isa: str) -> tuple[Tensor, PackedWeights]:
    """Return the packed weights as bytes in shared memory, and what a record says of them.

    Raises:
        ModelError: the other instances of the node share other weights.
    """
    packed = find_or_pack(place, key_of(_key(parts, isa)), lambda: _pack(operators, parts, isa).numpy())
    facts = PackedWeights(
        size_bytes=len(packed.bytes_view),
        mapping=packed.mapping,
        made_here=packed.made_here,
    )
    return torch.from_numpy(packed.bytes_view), facts


def _pack(operators: Operators, parts: DlrmParts, isa: str) -> Tensor:
    if isinstance(parts, CodeParts):
        return packed_code_weights(operators, parts, isa)
    return packed_weights(operators, parts, isa)


def _key(parts: DlrmParts, isa: str) -> Iterator[str | bytes]:
    """Yield everything that the panels depend on."""
    yield isa
    for stack in (parts.bottom, parts.over):
        scales = stack.scales if isinstance(stack, CodeStack) else ()
        for tensor in (*stack.weights, *stack.biases, *scales):
            yield f"{tuple(tensor.shape)} {tensor.dtype}"
            yield tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        yield repr(stack.sources) if isinstance(stack, CodeStack) else ""
