"""PyTorch eager with oneDNN-packed linears: no compiler needed, nothing between layers but PyTorch itself."""

import torch
from torch import Tensor, nn

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.engine._needs import versions
from pinbench.worker.executable import Executable, Setting
from pinbench.worker.onednn.packed_linear import PackedLinear, pack_linears

NEEDS_GRAPH = False


def require(precision: Precision) -> None:
    """Check that this CPU has what oneDNN packs in `precision`.

    Raises:
        HostError: it has no bfloat16.
    """
    if precision is Precision.BFLOAT16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise HostError("ENGINE=eager packs bfloat16 weights with oneDNN, which has none for this CPU; pick fp32")


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
