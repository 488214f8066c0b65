"""The one place that knows devices: which there are, what they are called, their memory, and graphs of CUDA.

Without a GPU or NPU of the kind nothing of theirs runs; what the CPU takes in their place is `work` itself.
"""

import importlib
from collections.abc import Callable
from types import ModuleType

import torch

from pinbench.base.errors import HostError
from pinbench.base.units import format_bytes
from pinbench.contract.result import DeviceFacts

AUTO = "auto"
Work = Callable[[], None]
_CPU = "cpu"
_PLUG_INS = {"npu": "torch_npu"}  # kinds that PyTorch knows once this package is imported
_PREFERRED = ("npu", "cuda")  # of `AUTO`, before the CPU
_WARM_UPS = 3  # of the work before it is recorded: PyTorch's documentation of CUDA graphs, "Whole-network capture"


def choose(asked: str, index: int) -> torch.device:
    """Return the device of kind `asked`; of `AUTO` the first accelerator that is there, else the CPU.

    Raises:
        HostError: it is not there; says why and what to choose.
    """
    if asked == _CPU:
        return torch.device(_CPU)
    if asked != AUTO:
        name = f"{asked}:{index}"
        if (fault := _fault(name)) is not None:
            raise HostError(
                f"DEVICE={asked} is not on this host: {name} cannot be used ({fault}); set DEVICE=cpu to run without it"
            )
        return torch.device(name)
    names = (f"{kind}:{index}" for kind in _PREFERRED)
    return torch.device(next((name for name in names if _fault(name) is None), _CPU))


def open_device(name: str) -> torch.device:
    """Return the device `name`, such as ``cuda:0``, once a tensor has been put on it.

    Raises:
        HostError: it cannot be used; says why.
    """
    if (fault := _fault(name)) is not None:
        raise HostError(f"device {name} cannot be used here ({fault}); choose cpu")
    return torch.device(name)


def free_bytes(device: torch.device) -> int | None:
    """Return the free memory of the device; None: it is a CPU, whose memory the plan knows."""
    module = _module(device)
    return None if module is None else int(module.mem_get_info(device)[0])


def read_facts(device: torch.device, asked: str) -> DeviceFacts:
    """Return what ran: to be called when it has run, for the most memory that it took."""
    module = _module(device)
    if module is None:
        return DeviceFacts(asked=asked, device=str(device), name="CPU")
    return DeviceFacts(
        asked=asked,
        device=str(device),
        name=str(module.get_device_name(device)),
        memory_bytes=int(module.mem_get_info(device)[1]),
        peak_bytes=int(module.max_memory_allocated(device)),
    )


def has_graphs(device: torch.device) -> bool:
    """Return whether work can be recorded on the device."""
    return device.type == "cuda"


def record(device: torch.device, work: Work) -> Work:
    """Return what does `work` again at one launch, on the same memory; elsewhere than on CUDA that is `work`.

    `work` runs some times before: it must leave no trace then that matters. It must take its inputs from memory that
    stays, put its outputs there, and never wait for the device.
    """
    if not has_graphs(device):
        return work
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UPS):
            work()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    replay: Work = graph.replay
    return replay


def require_room(device: torch.device, need_bytes: int, what: str) -> None:
    """Refuse what does not fit on the device, before it is put there.

    Raises:
        HostError: names both figures.
    """
    room_bytes = free_bytes(device)
    if room_bytes is not None and need_bytes > room_bytes:
        raise HostError(
            f"{what} take {format_bytes(need_bytes)}, and {device} has {format_bytes(room_bytes)} free; set "
            "MAX_IND_RANGE or BATCH_SIZE lower"
        )


def _fault(name: str) -> str | None:
    """Return why no tensor can be put on the device `name`, None where one can."""
    kind = name.partition(":")[0]
    try:
        if kind in _PLUG_INS:
            importlib.import_module(_PLUG_INS[kind])
        torch.empty(1, device=name)
    except (ImportError, RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0]
    return None


def _module(device: torch.device) -> ModuleType | None:
    """Return PyTorch's module of the device's kind, alike for CUDA and NPU; None for a CPU."""
    if device.type == _CPU:
        return None
    module: ModuleType = getattr(torch, device.type)
    return module
