"""Where the time of one call of `pinned` goes, layer by layer, against what each layer could reach.

The chain reads its own clock between its parts, in a call that is made for it; of the layers oneDNN's verbose profile
tells (its developer guide, "Verbose Mode"), and what is left of the call is the lookup, the head and the calls.
A layer's roofline is the longer of two times: its products at the GEMM peak of the precision, and its weights at the
rate at which this host reads memory. Weights that stay in a cache between two calls may be read faster than that.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pinbench.base.units import MIB, MS_PER_S
from pinbench.worker.engine.pinned import LARGEST_CHAIN
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import captured
from pinbench.worker.ops.code_operators import make_code_chain_profile, make_code_layers
from pinbench.worker.ops.code_parts import CodeParts, is_quantized, take_apart_codes
from pinbench.worker.ops.isa import best, useful
from pinbench.worker.ops.operators import load, make_chain_profile, make_layers
from pinbench.worker.ops.parts import take_apart

_CALLS = 30  # the best of them, part by part
_READ_BYTES = 256 * MIB  # more than the last-level cache of a node's share
_EXECUTED = re.compile(r"^(?:onednn|dnnl)_verbose,.*\bexec,cpu,(matmul|inner_product),.*,([0-9.]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a call: the seconds that it takes, and those that its roofline allows; None: it has none."""

    name: str
    seconds: float
    ceiling_s: float | None = None


def of_pinned(model: nn.Module, batch: tuple[Tensor, Tensor], config: DlrmConfig, setting: Setting) -> str:
    """Return the tables of both paths of `pinned` for `model`, of those that the batch has."""
    parts = take_apart_codes(model) if is_quantized(model) else take_apart(model)
    dtype = torch.int8 if isinstance(parts, CodeParts) else parts.tables_RD.dtype
    operators, isa = load(setting.cache, setting.cpus), best(useful(dtype), setting.max_cpu_isa)
    batch_size = len(batch[0])
    limits = ceilings(config, dtype, batch_size)
    if isinstance(parts, CodeParts):
        layers = make_code_layers(operators, parts, isa, batch_size)
        profile = make_code_chain_profile(operators, parts, isa, batch_size)
    else:
        layers = make_layers(operators, parts, isa, batch_size)
        profile = make_chain_profile(operators, parts, isa, batch_size)
    told = f"B={batch_size} {dtype} {isa}, {torch.get_num_threads()} threads"
    tables = [table(f"pinned layers, {told}", of_layers(layers, batch, config, limits))]
    if batch_size <= LARGEST_CHAIN:
        tables.append(table(f"pinned chain, {told}", of_chain(profile, batch, config, limits)))
    return "\n".join(tables)


def layer_names(config: DlrmConfig) -> list[str]:
    """Return the hidden layers of both stacks in order; the last one of the over arch is the head."""
    sizes = [("bottom", config.bottom), ("over", config.over[:-1])]
    return [f"{stack} {inputs} x {outputs}" for stack, widths in sizes for inputs, outputs in pairwise(widths)]


def ceilings(config: DlrmConfig, dtype: torch.dtype, batch_size: int) -> list[float]:
    """Return the least seconds of each hidden layer, of peaks that are measured here and now."""
    flop_per_s, bytes_per_s = gemm_peak_flop_per_s(dtype), read_bytes_per_s()
    shapes = [pair for widths in (config.bottom, config.over[:-1]) for pair in pairwise(widths)]
    return [
        max(2 * inputs * outputs * batch_size / flop_per_s, inputs * outputs * dtype.itemsize / bytes_per_s)
        for inputs, outputs in shapes
    ]


def read_bytes_per_s() -> float:
    """Return the best rate at which all threads together read memory."""
    block = torch.ones(_READ_BYTES // torch.float32.itemsize)
    return _READ_BYTES / min(_seconds(lambda: block.max()) for _ in range(5))


def of_chain(profile: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor], config: DlrmConfig,
             limits: Sequence[float]) -> list[Part]:  # fmt: skip
    """Return the parts of a chain; `profile` makes a call and returns the seconds of each."""
    least = torch.stack([profile(*batch) for _ in range(_CALLS)]).amin(dim=0).tolist()
    names = layer_names(config)
    bottom = len(config.bottom) - 1
    layers = [
        Part(name=name, seconds=seconds, ceiling_s=limit)
        for name, seconds, limit in zip(names, [*least[1 : 1 + bottom], *least[2 + bottom : -1]], limits, strict=True)
    ]
    dots = Part(name="lookup and dots", seconds=least[1 + bottom])
    return [Part(name="entrance", seconds=least[0]), *layers[:bottom], dots, *layers[bottom:],
            Part(name="head", seconds=least[-1])]  # fmt: skip


def of_layers(call: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor], config: DlrmConfig,
              limits: Sequence[float]) -> list[Part]:  # fmt: skip
    """Return the parts of a model in which oneDNN computes the layers."""
    names = layer_names(config)
    least = torch.stack([torch.tensor(executed(lambda: call(*batch), len(names))) for _ in range(_CALLS)]).amin(dim=0)
    whole_s = min(_seconds(lambda: call(*batch)) for _ in range(_CALLS))
    layers = [
        Part(name=name, seconds=seconds, ceiling_s=limit)
        for name, seconds, limit in zip(names, least.tolist(), limits, strict=True)
    ]
    rest = Part(name="lookup, head, calls", seconds=max(0.0, whole_s - float(least.sum())))
    return [*layers, rest]


def executed(call: Callable[[], Tensor], layers: int) -> list[float]:
    """Return the seconds of each layer in one call, those of all chunks of a batch together."""

    def logged() -> None:
        with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):  # type: ignore[no-untyped-call]
            call()

    return seconds_by_layer(captured(logged), layers)


def seconds_by_layer(log: str, layers: int) -> list[float]:
    """Return the sums of a log's products, which come layer by layer, chunk after chunk.

    Raises:
        ValueError: they are not a whole number of rounds through the layers.
    """
    found = [float(milliseconds) / MS_PER_S for _, milliseconds in _EXECUTED.findall(log)]
    if not found or len(found) % layers:
        raise ValueError(f"oneDNN tells of {len(found)} products, this model has {layers} layers")
    return [sum(found[layer::layers]) for layer in range(layers)]


def table(title: str, parts: Sequence[Part]) -> str:
    """Return lines: each part's time, its share of the call, and its roofline's share of it."""
    whole_s = sum(part.seconds for part in parts)
    lines = [f"{title}: {whole_s * 1e6:,.0f} us"]
    for part in parts:
        reached = "" if part.ceiling_s is None else f"{part.ceiling_s / part.seconds:10.0%} of its roofline"
        lines.append(f"  {part.name:22} {part.seconds * 1e6:12,.1f} us {part.seconds / whole_s:7.1%}{reached}")
    return "\n".join(lines)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
