"""Our own operators where they are faster, oneDNN's packed layers elsewhere, one call from Python for the whole model.

Two paths: `layers`, with oneDNN between our lookup and our head, and `chain`, all of it ours in one parallel region. A
small batch tries both. Without a compiler, or for a model of another kind, the engine `eager` runs, and the record says
so.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from pinbench.base.errors import OperatorError
from pinbench.contract.case import Isa, Precision
from pinbench.contract.result import EngineFacts, Kernel, PackedWeights
from pinbench.worker.engine import eager
from pinbench.worker.engine._code_product import ISAS, replace_products
from pinbench.worker.engine._needs import versions
from pinbench.worker.engine._shared_panels import share
from pinbench.worker.executable import Executable, Place, Setting
from pinbench.worker.onednn.fpmath import multiplies_in_bfloat16
from pinbench.worker.onednn.quantized_linear import QuantizedLinear
from pinbench.worker.ops import isa as isas
from pinbench.worker.ops.bags import BagParts, HasBags, make_bag_features
from pinbench.worker.ops.code_operators import make_code_chain, make_code_layers
from pinbench.worker.ops.code_parts import CodeParts, is_quantized, take_apart_codes
from pinbench.worker.ops.operators import Operator, Operators, load, make_chain, make_layers
from pinbench.worker.ops.parts import DlrmParts, take_apart
from pinbench.worker.ops.paths import HasPaths
from pinbench.worker.ops.trial import best_seconds

LARGEST_CHAIN = 64  # samples; from some 16 on oneDNN's blocking wins, and what is left is for the trial to find out
_CHAIN, _LAYERS = "chain", "layers"
_TYPES = {torch.float32: "f32", torch.bfloat16: "bf16"}  # oneDNN's words
_CODE_TYPES = "src:u8 wei:s8 dst:u8"
_PRODUCT_TYPES = "src:u8 wei:s8 dst:f32"


NEEDS_GRAPH = False


def require(precision: Precision) -> None:
    """Everything runs here: what our operators do not have is left to eager."""


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return `model` ready to be called; it is not re-entrant, for its buffers.

    Raises:
        UsageError: `setting` limits the instruction set to one that oneDNN does not know.
    """
    if isinstance(model, HasPaths):
        return _fastest_path(model, inputs, setting)
    if isinstance(model, HasBags) and (bags := model.bag_parts()) is not None:
        return _adding_up(model, bags, inputs, setting)
    try:
        parts = take_apart_codes(model) if is_quantized(model) else take_apart(model)
        operators = load(setting.cache, setting.cpus)
    except OperatorError as error:
        return _fallback(model, inputs, setting, error)
    isa = isas.best(isas.useful(_multiplied(parts)), setting.max_cpu_isa)
    batch_size = len(inputs[0])
    paths: dict[str, Operator] = {_LAYERS: _layers(operators, parts, isa, batch_size)}
    packed = None
    if _has_chain(batch_size, setting):
        paths[_CHAIN], packed = _chain(operators, parts, isa, batch_size, setting.packed)
    trial_s = _try(paths, parts, batch_size, inputs) if len(paths) > 1 else {}
    path = min(trial_s, key=trial_s.__getitem__) if trial_s else next(iter(paths))
    return Executable(
        call=paths[path],
        facts=EngineFacts(
            name="pinned",
            versions=versions(("torch",)),
            threads=torch.get_num_threads(),
            path=path,
            isa=isa,
            build_s=operators.build_s,
            trial_s=trial_s,
            packed=packed if path == _CHAIN else None,
        ),
        own_kernels=_kernels(parts, path, isa),
    )


def _adding_up(model: nn.Module, bags: BagParts, inputs: tuple[Tensor, ...], setting: Setting) -> Executable:
    """Return a model whose rows our operator adds up, and whose layers oneDNN computes."""
    assert isinstance(model, HasBags)
    try:
        operators = load(setting.cache, setting.cpus)
        isa = isas.best(isas.useful(bags.tables_RD.dtype), setting.max_cpu_isa)
        model.add_up_by(make_bag_features(operators, bags, isa))
    except OperatorError as error:
        return _fallback(model, inputs, setting, error)
    executable = eager.compile(model, inputs, setting)
    facts = replace(executable.facts, name="pinned", path=_LAYERS, isa=isa, build_s=operators.build_s)
    kernel = Kernel(
        primitive="bag_features", implementation=f"pinbench:{isa}", types=_types(bags.tables_RD.dtype), calls=1
    )
    return replace(executable, facts=facts, own_kernels=(kernel,))


def _fallback(model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting, error: OperatorError) -> Executable:
    fallback = eager.compile(model, inputs, setting)
    return replace(fallback, facts=replace(fallback.facts, fallback=f"not pinned: {error}"))


def _types(dtype: torch.dtype) -> str:
    return " ".join(f"{operand}:{_TYPES[dtype]}" for operand in ("src", "wei", "dst"))


def _multiplied(parts: DlrmParts) -> torch.dtype:
    return torch.int8 if isinstance(parts, CodeParts) else parts.tables_RD.dtype


def _fastest_path(model: HasPaths, inputs: tuple[Tensor, ...], setting: Setting) -> Executable:
    """Return a model that brings its own ways to compute, on the one that is fastest for `inputs`."""
    own_kernels, fallback = _own_products(model, setting)
    executable = eager.compile(model, inputs, setting)

    trial = model.trial(*inputs)

    def on(path: str) -> Tensor:
        model.path = path
        return trial()

    trial_s = best_seconds({path: partial(on, path) for path in model.paths})
    model.path = min(trial_s, key=trial_s.__getitem__)
    facts = replace(executable.facts, name="pinned", path=model.path, trial_s=trial_s, fallback=fallback)
    return replace(executable, facts=facts, own_kernels=own_kernels)


def _own_products(model: nn.Module, setting: Setting) -> tuple[tuple[Kernel, ...], str | None]:
    """Multiply codes by our own kernel where it is the faster one; return it, or why it could not be had."""
    isa = isas.best(isas.useful(torch.int8), setting.max_cpu_isa)
    if isa not in ISAS or not any(isinstance(part, QuantizedLinear) and part.is_narrow for part in model.modules()):
        return (), None
    try:
        operators = load(setting.cache, setting.cpus)
    except OperatorError as error:
        return (), f"oneDNN's products: {error}"
    calls = replace_products(model, operators, isa)
    return (Kernel(primitive="matmul", implementation=f"pinbench:{isa}", types=_PRODUCT_TYPES, calls=calls),), None


def _has_chain(batch_size: int, setting: Setting) -> bool:
    # The chain has no AMX tiles, and fp32 is fp32 in it: labels that promise otherwise are oneDNN's to keep.
    return batch_size <= LARGEST_CHAIN and setting.isa is not Isa.AMX and not multiplies_in_bfloat16()


def _layers(operators: Operators, parts: DlrmParts, isa: str, batch_size: int) -> Operator:
    if isinstance(parts, CodeParts):
        return make_code_layers(operators, parts, isa, batch_size)
    return make_layers(operators, parts, isa, batch_size)


def _chain(
    operators: Operators, parts: DlrmParts, isa: str, batch_size: int, place: Place | None
) -> tuple[Operator, PackedWeights | None]:
    """Return the chain and where its weights lie that others share; None: it has its own."""
    panels, facts = (None, None) if place is None else share(place, operators, parts, isa)
    if isinstance(parts, CodeParts):
        return make_code_chain(operators, parts, isa, batch_size, panels), facts
    return make_chain(operators, parts, isa, batch_size, panels), facts


def _try(
    paths: Mapping[str, Operator], parts: DlrmParts, batch_size: int, inputs: tuple[Tensor, ...]
) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    dense_BI = torch.rand(batch_size, parts.inputs, generator=generator)
    ids = _random_bags(parts, inputs[2], generator) if parts.pooled else (_random_ids(parts, batch_size, generator),)
    return best_seconds({name: partial(operator, dense_BI, *ids) for name, operator in paths.items()})


def _random_ids(parts: DlrmParts, batch_size: int, generator: torch.Generator) -> Tensor:
    share_BF = torch.rand(batch_size, len(parts.rows_F), generator=generator, dtype=torch.float64)
    return (share_BF * parts.rows_F).long()


def _random_bags(parts: DlrmParts, offset_K: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return rows for bags as long as `offset_K` says."""
    bag_N = torch.repeat_interleave(offset_K.diff())
    table_N = bag_N % len(parts.rows_F)
    share_N = torch.rand(len(table_N), generator=generator, dtype=torch.float64)
    return parts.first_row_F[table_N] + (share_N * parts.rows_F[table_N]).long(), offset_K


def _kernels(parts: DlrmParts, path: str, isa: str) -> tuple[Kernel, ...]:
    types = _types(parts.tables_RD.dtype)
    implementation = f"pinbench:{isa}"
    lookup = Kernel(primitive="lookup_dots", implementation=implementation, types=types, calls=1)
    layers = len(parts.bottom.weights) + len(parts.over.weights)
    chain_types = _CODE_TYPES if isinstance(parts, CodeParts) else types
    chain = Kernel(primitive="chain", implementation=implementation, types=chain_types, calls=layers)
    return (lookup, chain) if path == _CHAIN else (lookup,)
