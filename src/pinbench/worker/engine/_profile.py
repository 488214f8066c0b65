"""Matrix products as PyTorch's profiler sees them: for extensions whose operators oneDNN's log does not know."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import torch

from pinbench.contract.result import Kernel

_MULTIPLIES = re.compile(r"linear|mm|matmul")
_NAMES = {"float": "f32", "c10::BFloat16": "bf16"}  # a type as the profiler spells it, and as oneDNN does
_OPERANDS = 2


def products(call: Callable[[], Any], namespace: str) -> tuple[Kernel, ...]:
    """Run `call` once and return the operators of `namespace` in it that multiply matrices."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True, acc_events=True
    ) as profile:
        call()
    events = profile.profiler.kineto_results.events()
    return count_products(((event.name(), event.dtypes()) for event in events), namespace)


def count_products(events: Iterable[tuple[str, list[str]]], namespace: str) -> tuple[Kernel, ...]:
    """Return the products among `events`, each an operator's name and the types of its arguments."""
    calls: Counter[tuple[str, str]] = Counter()
    for name, dtypes in events:
        if name.startswith(f"{namespace}::") and _MULTIPLIES.search(name):
            operands = [_NAMES[dtype] for dtype in dtypes if dtype in _NAMES][:_OPERANDS]
            calls[name, " ".join(map(":".join, zip(("src", "wei"), operands, strict=False)))] += 1
    return tuple(
        Kernel(primitive="matmul", implementation=name, types=types, calls=count)
        for (name, types), count in calls.items()
    )
