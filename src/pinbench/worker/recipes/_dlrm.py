"""What the recipes of both DLRMs do alike: tables in memory that may be shared, and the read-back of kernels."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pinbench.base.errors import ModelError
from pinbench.base.units import round_up
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import Instance, WeightSource
from pinbench.contract.result import IsaReadback
from pinbench.worker.executable import Executable, Place
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.footprint import packed_bytes
from pinbench.worker.onednn.verbose import read_dispatch
from pinbench.worker.packed_weights import HEAD_BYTES
from pinbench.worker.weights import HUGE_PAGE_BYTES, WeightStore, build_store, map_store, private_store

TableBits = npt.NDArray[np.float32] | npt.NDArray[np.uint16]  # the latter for the bits of bfloat16

_TABLE_BITS: dict[torch.dtype, type[np.generic]] = {torch.float32: np.float32, torch.bfloat16: np.uint16}


def place_tables(
    instance: Instance,
    config: DlrmConfig,
    dtype: torch.dtype,
    fill: Callable[[TableBits, ThreadPoolExecutor], None],
    gate: GateClient,
    store_fd: int | None,
) -> Tensor:
    """Return all tables behind each other, shape (R, D): filled by this instance, or by the one that it maps them from.

    Raises:
        ModelError: the memory cannot be had, or is not that of this model.
    """
    size_bytes = config.table_bytes(dtype.itemsize)
    shared_bytes = _packed_begin(size_bytes) + _packed_size(config)
    if instance.weights is WeightSource.MAP:
        gate.wait(Barrier.WEIGHTS)
        return _as_tables(map_store(_shared(store_fd), shared_bytes), config, dtype)
    if instance.weights is WeightSource.BUILD:
        store = build_store(_shared(store_fd), shared_bytes)
    else:
        store = private_store(size_bytes)
    # A thread that PyTorch's OpenMP runtime has bound hands its one CPU on to the threads that it starts.
    with ThreadPoolExecutor(len(instance.cpus), initializer=lambda: os.sched_setaffinity(0, instance.cpus)) as pool:
        fill(store.bytes_view[:size_bytes].view(_TABLE_BITS[dtype]).reshape(-1, config.embedding_dim), pool)
    gate.wait(Barrier.WEIGHTS)
    return _as_tables(store, config, dtype)


def packed_place(instance: Instance, config: DlrmConfig, dtype: torch.dtype, store_fd: int | None) -> Place | None:
    """Return where the instances that share the tables share packed weights: behind them; None: nothing is shared."""
    if instance.weights is WeightSource.PRIVATE or store_fd is None:
        return None
    begin = _packed_begin(config.table_bytes(dtype.itemsize))
    return Place(fd=store_fd, begin=begin, size_bytes=_packed_size(config))


def probe(told: IsaReadback, executable: Executable, call: Callable[[], Tensor], verbosity: int) -> IsaReadback:
    """Make the process's first call and return the kernels that ran in it."""
    ran = read_dispatch(call, verbosity).kernels
    kernels = ran if executable.kernels is None else executable.kernels
    return replace(told, kernels=kernels + executable.own_kernels)


def _shared(store_fd: int | None) -> int:
    if store_fd is None:
        raise ModelError("the instance is to share its weights, but was given no shared memory")
    return store_fd


def _as_tables(store: WeightStore, config: DlrmConfig, dtype: torch.dtype) -> Tensor:
    bytes_view = store.bytes_view[: config.table_bytes(dtype.itemsize)]
    return torch.from_numpy(bytes_view).view(dtype).view(-1, config.embedding_dim)


def _packed_begin(table_bytes: int) -> int:
    return round_up(table_bytes, HUGE_PAGE_BYTES)


def _packed_size(config: DlrmConfig) -> int:
    return round_up(HEAD_BYTES + packed_bytes(config), HUGE_PAGE_BYTES)
