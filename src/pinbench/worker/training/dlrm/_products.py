"""Which number formats PyTorch multiplies in, seen where it hands products to a device: no oneDNN log has them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pinbench.contract.result import Kernel

_PRODUCTS = {torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm}
_NAMES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}  # as oneDNN writes them


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the matrix products of what runs within it, by device and by the formats of their operands."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: Counter[tuple[str, str]] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Let the operator run, and note a product's operands: the last two tensors that it takes."""
        if func.overloadpacket in _PRODUCTS:
            left, right = [value for value in args if isinstance(value, Tensor)][-2:]
            formats = (_NAMES.get(side.dtype, str(side.dtype)) for side in (left, right))
            self._calls[left.device.type, "src:{} wei:{}".format(*formats)] += 1
        return func(*args, **(kwargs or {}))

    def kernels(self) -> tuple[Kernel, ...]:
        """Return what was multiplied so far."""
        return tuple(
            Kernel(primitive="matmul", implementation=f"pytorch:{device}", types=formats, calls=calls)
            for (device, formats), calls in self._calls.items()
        )
