"""AMD's zentorch: a backend of ``torch.compile`` with products of ZenDNN, in an environment of its own.

It is compiled at each start; what inductor makes on its way is kept, so that a later start is faster. On a CPU that
it is not for it would quietly leave the model to inductor, so it is refused there.
"""

import os
import time
from pathlib import Path

from torch import Tensor, nn

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.engine._needs import require_packages, require_precision, versions
from pinbench.worker.engine._profile import products
from pinbench.worker.engine._stateless import Stateless
from pinbench.worker.executable import Executable, Setting

NEEDS_GRAPH = True

_CPUINFO = Path("/proc/cpuinfo")
_PRECISIONS = (Precision.FP32, Precision.BFLOAT16)


def require(precision: Precision) -> None:
    """Check for an AMD CPU with AVX-512, and for the package.

    Raises:
        HostError: this is none, or it is not installed.
    """
    require_precision("zentorch", precision, _PRECISIONS, "the suite has no quantised model for it")
    cpu = _CPUINFO.read_text(encoding="utf-8").partition("\n\n")[0]
    lacking = [word for word in ("AuthenticAMD", "avx512f") if word not in cpu.split()]
    if lacking:  # zentorch/_optimize.py: without AVX-512 it returns the graph as it is, with a warning
        raise HostError(f"ENGINE=zentorch is for AMD CPUs with AVX-512, and this one has no {' and no '.join(lacking)}")
    require_packages("zentorch", ("zentorch",))


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return the compiled model; its weights are packed by zentorch, the tables stay where they lie."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(setting.cache / "zentorch")
    import torch._inductor.config
    import zentorch  # noqa: F401 - it registers the backend

    torch._inductor.config.freezing = True
    stateless = Stateless(model)
    lent = stateless.lent
    compiled = torch.compile(stateless, backend="zentorch", dynamic=False)

    def call(*given: Tensor) -> Tensor:
        output: Tensor = compiled(*lent, *given)
        return output

    begin = time.monotonic()
    call(*inputs)
    facts = EngineFacts(
        name="zentorch",
        versions=versions(("zentorch", "torch")),
        threads=torch.get_num_threads(),
        compile_s=time.monotonic() - begin,
        settings={"freezing": "True"},
    )
    return Executable(call=call, facts=facts, kernels=products(lambda: call(*inputs), "zentorch"))
