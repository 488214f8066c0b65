"""Intel Extension for PyTorch: its packed linears in a frozen TorchScript graph, in an environment of its own.

Release 2.8 is its last one and wants torch 2.8. It carries a oneDNN of its own, whose log it switches itself.
"""

import time

import torch
from torch import Tensor, nn

from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.engine._needs import require_packages, require_precision, versions
from pinbench.worker.executable import Executable, Setting
from pinbench.worker.onednn.verbose import captured, parse_verbose

NEEDS_GRAPH = True

_PACKAGE = "intel-extension-for-pytorch"
_DTYPES = {Precision.FP32: torch.float32, Precision.BFLOAT16: torch.bfloat16}
_VERBOSE_ON = 1  # intel_extension_for_pytorch/utils/verbose.py
_SETTLING_CALLS = 3  # TorchScript's profiling executor optimises after two


def require(precision: Precision) -> None:
    """Check for the package.

    Raises:
        HostError: it is not installed, or `precision` is not one of the engine's.
    """
    require_precision("ipex", precision, tuple(_DTYPES), "the suite has no quantised model for it")
    require_packages("ipex", (_PACKAGE,))


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return the traced and frozen model; its linear weights are packed, the tables stay where they lie."""
    import intel_extension_for_pytorch as ipex

    begin = time.monotonic()
    optimized = ipex.optimize(
        model.eval(),
        dtype=_DTYPES[setting.precision],
        inplace=True,
        sample_input=inputs,
        auto_kernel_selection=True,  # oneDNN for fp32, where it otherwise takes MKL, slow on AMD
    )
    with torch.autocast("cpu", enabled=False):
        traced = torch.jit.trace(optimized, inputs, check_trace=False)  # type: ignore[no-untyped-call]
        frozen = torch.jit.freeze(traced)

    def call(*given: Tensor) -> Tensor:
        output: Tensor = frozen(*given)
        return output

    for _ in range(_SETTLING_CALLS):
        call(*inputs)
    facts = EngineFacts(
        name="ipex",
        versions=versions((_PACKAGE, "torch")),
        threads=torch.get_num_threads(),
        compile_s=time.monotonic() - begin,
    )
    with ipex.verbose(_VERBOSE_ON):
        text = captured(lambda: call(*inputs))
    return Executable(call=call, facts=facts, kernels=parse_verbose(text).kernels)
