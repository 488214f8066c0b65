"""PyTorch eager with oneDNN-packed linears: no compiler needed, nothing between layers but PyTorch itself."""

from collections.abc import Callable

from torch import Tensor, nn

from pinbench.worker.onednn.packed_linear import pack_linears


def compile(model: nn.Module, batch_size: int) -> Callable[..., Tensor]:  # noqa: A001 - the verb of every engine
    """Return a callable that computes `model`; the model's own linear weights are given up for packed ones."""
    pack_linears(model, batch_size).eval()
    return model
