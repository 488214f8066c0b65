"""The parts of DLRM that inference and training have in common: its sizes, weights, batches, and facts of them."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.base.errors import ModelError, UsageError
from pinbench.contract.case import Case, DataType
from pinbench.contract.plan import Instance
from pinbench.contract.result import DataFacts, ModelFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import Split, open_split, synthetic_batches, synthetic_facts
from pinbench.worker.data.criteo.schema import DENSE_FEATURES
from pinbench.worker.data.criteo.stream import Stream
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.capping import cap_rows, check_fits, choose_max_ind_range
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction, make_config, parse_sizes
from pinbench.worker.models.dlrm.quick_rows import quick_write
from pinbench.worker.models.dlrm.rows import SeededOrigin, WeightOrigin, fill_tables
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm import TableBits, place_tables

# Distinct rows that a run turns over: enough that their embedding rows do not sit in a cache by themselves.
_DISTINCT_ROWS = 32_768
_MAX_BATCHES = 4_096
_MIN_BATCHES = 4
CHECKED_ROWS = 64
_NAMES = {Interaction.DCN: "DLRM-DCNv2"}
_END_TO_END = "end_to_end"  # of DATA_LOADING


class _Stream(TypedDict):
    """What makes a stream of synthetic batches, besides the shard."""

    batch_size: int
    count: int
    alpha: float
    seed: int
    hots: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model's sizes, where its weights come from, and its tables."""

    config: DlrmConfig
    max_ind_range: int
    origin: WeightOrigin
    tables_RD: Tensor


def is_end_to_end(case: Case) -> bool:
    """Return whether steps get their batches themselves."""
    return case.knobs.own.get("DATA_LOADING") == _END_TO_END


def stream_of(instance: Instance, split: Split) -> Stream:
    """Begin to read the instance's shard of `split` ahead."""
    knobs = instance.case.knobs
    threads = int(knobs.own["DATA_THREADS"])
    return split.stream(knobs.batch_size, instance.shard, instance.shards, threads=threads, cpus=instance.cpus)


def reading_steps(prepared: Prepared, instance: Instance, split: Split | None) -> Prepared:
    """Return `prepared` with steps that get their batch themselves; probe and check keep the batches they have.

    Raises:
        UsageError: there is no data set to read.
    """
    if split is None:
        raise UsageError("DATA_LOADING=end_to_end reads a data set; set DATA_TYPE=real and DATASET_DIR")
    facts = split.stream_facts(instance.case.knobs.batch_size, instance.shard, instance.shards)
    stream, compute = stream_of(instance, split), prepared.step
    return replace(
        prepared,
        step=lambda _: compute(stream.next()),
        batches=(None,),
        data=facts,
        flow=stream.flow,
        close=stream.close,
    )


def open_split_of(case: Case, name: str) -> Split | None:
    """Return the split `name` of the case's data set; None: its samples are made up."""
    if case.knobs.data_type is not DataType.REAL:
        return None
    if case.knobs.dataset_dir is None:
        raise ModelError("DATA_TYPE=real needs DATASET_DIR: a directory that `pinbench data criteo` has made")
    return open_split(Path(case.knobs.dataset_dir), name, None, all_ids=bool(hots_of(case)))


def hots_of(case: Case) -> tuple[int, ...]:
    """Return the ids of a sample in each table, of a model that takes several; nothing of another one."""
    sizes = case.knobs.own.get("MULTI_HOT_SIZES")
    return () if sizes is None else parse_sizes("MULTI_HOT_SIZES", str(sizes))


def sizes_of(
    instance: Instance,
    split: Split | None,
    table_dtype: torch.dtype,
    remainder: Callable[[DlrmConfig], int],
    held: Callable[[Sequence[int]], int] = sum,
) -> tuple[DlrmConfig, int]:
    """Return the sizes of the model, and MAX_IND_RANGE: as asked, or as large as the memory allows.

    Args:
        instance: whose parameters and memory.
        split: the rows that tell the sizes of the tables; None: they are declared.
        table_dtype: of the tables.
        remainder: bytes that a model of these sizes leaves to its tables.
        held: the rows of all tables to those that this instance holds.

    Raises:
        UsageError: sizes contradict each other.
        ModelError: the tables do not fit.
    """
    case, own = instance.case, instance.case.knobs.own
    embedding_dim = int(own["ARCH_SPARSE_FEATURE_SIZE"])
    row_bytes = embedding_dim * table_dtype.itemsize
    full_rows = _declared_rows(case) if split is None else _rows_of(split, case)
    config = make_config(
        embedding_dim=embedding_dim,
        bottom=str(own["ARCH_MLP_BOT"]),
        over=str(own["ARCH_MLP_TOP"]),
        table_rows=full_rows,
        interaction=str(own["ARCH_INTERACTION_OP"]),
        hots=hots_of(case) if split is None else _hots_of_data(split, case),
        cross_layers=int(own.get("DCN_NUM_LAYERS", 0)),
        cross_rank=int(own.get("DCN_LOW_RANK_DIM", 0)),
    )
    dense_features = DENSE_FEATURES if split is None else split.dense_features
    if config.bottom[0] != dense_features:
        whose = "of Criteo, a synthetic one too" if split is None else f"of DATASET_DIR={case.knobs.dataset_dir}"
        raise UsageError(
            f"ARCH_MLP_BOT={own['ARCH_MLP_BOT']} begins with {config.bottom[0]}, but must begin with {dense_features}: "
            f"so many dense features has a row {whose}"
        )
    budget_bytes = remainder(config)
    asked = own.get("MAX_IND_RANGE")
    max_ind_range = choose_max_ind_range(full_rows, row_bytes, budget_bytes, held) if asked is None else int(asked)
    check_fits(full_rows, row_bytes, budget_bytes, max_ind_range, held)
    return replace(config, table_rows=cap_rows(full_rows, max_ind_range)), max_ind_range


def _declared_rows(case: Case) -> tuple[int, ...]:
    return parse_sizes("ARCH_EMBEDDING_SIZE", str(case.knobs.own["ARCH_EMBEDDING_SIZE"]))


def _rows_of(split: Split, case: Case) -> tuple[int, ...]:
    """Return the rows of each table that the data set needs; refuse others, which nothing would use."""
    if "ARCH_EMBEDDING_SIZE" in case.overrides and _declared_rows(case) != split.feature_rows:
        raise UsageError(
            f"ARCH_EMBEDDING_SIZE contradicts DATASET_DIR={case.knobs.dataset_dir}, whose tables have "
            f"{'-'.join(map(str, split.feature_rows))} rows; leave it out"
        )
    return split.feature_rows


def _hots_of_data(split: Split, case: Case) -> tuple[int, ...]:
    """Return how many ids the data set has in each category; refuse others, which nothing would use."""
    if "MULTI_HOT_SIZES" in case.overrides and hots_of(case) != split.hots:
        raise UsageError(
            f"MULTI_HOT_SIZES contradicts DATASET_DIR={case.knobs.dataset_dir}, whose rows have "
            f"{'-'.join(map(str, split.hots))} ids; leave it out"
        )
    return split.hots


def weight_origin(case: Case, config: DlrmConfig) -> WeightOrigin:
    """Return where the weights come from: CHECKPOINT, or SEED."""
    checkpoint = case.knobs.own.get("CHECKPOINT")
    if checkpoint:
        return CheckpointOrigin(Path(str(checkpoint)), config)
    return SeededOrigin(config, case.knobs.seed)


def make_tables(
    instance: Instance,
    config: DlrmConfig,
    origin: WeightOrigin,
    dtype: torch.dtype,
    gate: GateClient,
    store_fd: int | None,
) -> Tensor:
    """Return all tables behind each other, filled or mapped as the instance is told; passes the barrier WEIGHTS."""

    def fill(tables_RD: TableBits, pool: ThreadPoolExecutor) -> None:
        fill_tables(tables_RD, origin, config.table_rows, pool, quick_write(origin, cache_folder(os.environ)))

    return place_tables(instance, config, dtype, fill, gate, store_fd)


def ready_batches(instance: Instance, model: Model, split: Split | None) -> tuple[Sequence[Batch], DataFacts]:
    """Return the batches that are in memory before the window, and what a record says of them."""
    knobs = instance.case.knobs
    count = num_ready(instance.case)
    if split is not None:
        part = (knobs.batch_size, instance.shard, instance.shards, count)
        return split.batches(*part), split.facts(*part)
    alpha = float(knobs.own["INDEX_ALPHA"])
    stream: _Stream = {
        "batch_size": knobs.batch_size, "count": count, "alpha": alpha, "seed": knobs.seed, "hots": model.config.hots
    }  # fmt: skip
    batches = synthetic_batches(**stream, table_rows=model.config.table_rows, shard=instance.shard)
    return batches, synthetic_facts(**stream, shard=instance.shard)


def num_ready(case: Case) -> int:
    """Return how many batches are in memory before the window."""
    rows = CHECKED_ROWS if is_end_to_end(case) or case.knobs.scenario else _DISTINCT_ROWS
    return min(max(rows // case.knobs.batch_size, _MIN_BATCHES), _MAX_BATCHES)


def model_facts(model: Model, multiply_dtype: torch.dtype, calibration: str | None = None) -> ModelFacts:
    """Return what a record says of the model."""
    config = model.config
    return ModelFacts(
        name=_NAMES.get(config.interaction, "DLRM"),
        parameters=config.parameters,
        weight_bytes=config.table_bytes(model.tables_RD.element_size())
        + config.dense_parameters * multiply_dtype.itemsize,
        flops_per_sample=config.flops_per_sample,
        table_rows=sum(config.table_rows),
        max_ind_range=model.max_ind_range,
        weight_dtype=_name(multiply_dtype),
        table_dtype=_name(model.tables_RD.dtype),
        origin=model.origin.name,
        calibration=calibration,
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
