"""PyTorch eager with oneDNN-packed linears: no compiler needed, nothing between layers but PyTorch itself."""

import torch
from torch import Tensor, nn

from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.engine._needs import versions
from pinbench.worker.executable import Executable, Setting
from pinbench.worker.onednn.packed_linear import PackedLinear, pack_linears

NEEDS_GRAPH = False


def require(precision: Precision) -> None:
    """Everything that the suite has a precision for runs here."""


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return `model` with its linear weights given up for packed ones."""
    layers = sum(isinstance(module, nn.Linear) for module in model.modules())
    pack_linears(model, len(inputs[0]), setting.onednn_min_dim).eval()
    settings = {}
    if setting.onednn_min_dim is not None:
        packed = sum(isinstance(module, PackedLinear) for module in model.modules())
        settings = {"onednn_min_dim": str(setting.onednn_min_dim), "onednn_layers": f"{packed} of {layers}"}
    facts = EngineFacts(name="eager", versions=versions(("torch",)), threads=torch.get_num_threads(), settings=settings)
    return Executable(call=model, facts=facts)
