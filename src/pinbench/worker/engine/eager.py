"""PyTorch eager with oneDNN-packed linears: no compiler needed, nothing between layers but PyTorch itself."""

from torch import nn

from pinbench.contract.result import EngineFacts
from pinbench.worker.engine import Compiled, Site
from pinbench.worker.onednn.packed_linear import pack_linears


def compile(model: nn.Module, batch_size: int, site: Site | None = None) -> Compiled:  # noqa: A001 - the verb of every engine
    """Return `model` ready to be called; its own linear weights are given up for packed ones."""
    pack_linears(model, batch_size).eval()
    return Compiled(call=model, facts=EngineFacts(name="eager"))
