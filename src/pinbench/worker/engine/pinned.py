"""Our own operators where they are faster, oneDNN's packed layers elsewhere, one call from Python for the whole model.

Two paths: `layers`, with oneDNN between our lookup and our head, and `chain`, all of it ours in one parallel region. A
small batch tries both. Without a compiler, or for a model of another kind, the engine `eager` runs, and the record says
so.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from pinbench.base.errors import OperatorError
from pinbench.contract.case import Isa
from pinbench.contract.result import EngineFacts, Kernel
from pinbench.worker.engine import Compiled, Site, eager
from pinbench.worker.onednn.fpmath import multiplies_in_bfloat16
from pinbench.worker.ops import isa as isas
from pinbench.worker.ops.operators import Operator, Operators, load, make_chain, make_layers
from pinbench.worker.ops.parts import DlrmParts, take_apart
from pinbench.worker.ops.trial import best_seconds

_LARGEST_CHAIN = 64  # samples; from some 16 on oneDNN's blocking wins, and what is left is for the trial to find out
_CHAIN, _LAYERS = "chain", "layers"
_TYPES = {torch.float32: "f32", torch.bfloat16: "bf16"}  # oneDNN's words


def compile(model: nn.Module, batch_size: int, site: Site | None = None) -> Compiled:  # noqa: A001 - the verb of every engine
    """Return `model` ready to be called; it is not re-entrant, for its buffers.

    Raises:
        UsageError: `site` limits the instruction set to one that oneDNN does not know.
    """
    site = site or Site()
    try:
        parts = take_apart(model)
        operators = load(site.cache_dir, site.cpus)
    except OperatorError as error:
        fallback = eager.compile(model, batch_size, site)
        return replace(fallback, facts=replace(fallback.facts, fallback=f"not pinned: {error}"))
    isa = isas.best(isas.useful(parts.tables_RD.dtype), site.max_cpu_isa)
    paths = _paths(operators, parts, isa, batch_size, site)
    trial_s = _try(paths, parts, batch_size) if len(paths) > 1 else {}
    path = min(trial_s, key=trial_s.__getitem__) if trial_s else next(iter(paths))
    return Compiled(
        call=paths[path],
        facts=EngineFacts(name="pinned", path=path, isa=isa, build_s=operators.build_s, trial_s=trial_s),
        kernels=_kernels(parts, path, isa),
    )


def _paths(operators: Operators, parts: DlrmParts, isa: str, batch_size: int, site: Site) -> Mapping[str, Operator]:
    paths = {_LAYERS: make_layers(operators, parts, isa, batch_size)}
    # The chain has no AMX tiles, and fp32 is fp32 in it: labels that promise otherwise are oneDNN's to keep.
    if batch_size <= _LARGEST_CHAIN and site.isa is not Isa.AMX and not multiplies_in_bfloat16():
        paths[_CHAIN] = make_chain(operators, parts, isa, batch_size)
    return paths


def _try(paths: Mapping[str, Operator], parts: DlrmParts, batch_size: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    dense_BI = torch.rand(batch_size, parts.inputs, generator=generator)
    share_BF = torch.rand(batch_size, len(parts.rows_F), generator=generator, dtype=torch.float64)
    id_BF = (share_BF * parts.rows_F).long()

    return best_seconds({name: partial(operator, dense_BI, id_BF) for name, operator in paths.items()})


def _kernels(parts: DlrmParts, path: str, isa: str) -> tuple[Kernel, ...]:
    types = " ".join(f"{operand}:{_TYPES[parts.tables_RD.dtype]}" for operand in ("src", "wei", "dst"))
    implementation = f"pinbench:{isa}"
    lookup = Kernel(primitive="lookup_dots", implementation=implementation, types=types, calls=1)
    layers = len(parts.bottom.weights) + len(parts.over.weights)
    chain = Kernel(primitive="chain", implementation=implementation, types=types, calls=layers)
    return (lookup, chain) if path == _CHAIN else (lookup,)
