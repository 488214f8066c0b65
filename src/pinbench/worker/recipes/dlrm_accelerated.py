"""DLRM on an accelerator, or on the CPU in its place: the same steps, on the device that is asked for and there."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from pinbench.base.errors import DataError
from pinbench.contract.case import Function, Precision, Scalar
from pinbench.contract.plan import Instance
from pinbench.worker import device as devices
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.gate_client import GateClient
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes import _dlrm_predicting, _dlrm_training
from pinbench.worker.recipes._dlrm_parts import open_split_of
from pinbench.worker.training.step_lines import StepLines

_SPLITS = {Function.TRAINING: "train", Function.INFERENCE: "test"}  # whose rows are read first
_BOTTOM = "ARCH_MLP_BOT"


def prepare(instance: Instance, gate: GateClient, store_fd: int | None, folder: Path = Path()) -> Prepared:
    """Return steps on the device of DEVICE; a device that is not there is refused before anything else.

    What else than its result the instance writes goes into `folder`.
    """
    case = instance.case
    torch.set_grad_enabled(False)
    asked = str(case.knobs.own["DEVICE"])
    device = devices.choose(asked, int(case.knobs.own["LOCAL_RANK"]))
    placed = _placed(instance, device)
    if case.function is Function.TRAINING:
        prepared = _dlrm_training.prepare(placed, gate, store_fd, folder)
    else:
        prepared = _dlrm_predicting.prepare(placed, gate, store_fd)
    prepared = replace(
        prepared,
        batches=_moved(prepared.batches, device),
        device=lambda: devices.read_facts(device, asked),
    )
    if device.type != "cpu" or case.precision is Precision.FP16:
        prepared = replace(prepared, gemm_peak=lambda: None)  # which is of the CPU, and of what it computes with
    return _with_lines(prepared, case.knobs.own.get("PRINT_FREQ"))


def _placed(instance: Instance, device: torch.device) -> Instance:
    """Return `instance` with the device that was found, no more memory than that has, and a model as the data are."""
    room_bytes = devices.free_bytes(device)
    budget_bytes = instance.weight_budget_bytes if room_bytes is None else min(instance.weight_budget_bytes, room_bytes)
    own = {**instance.case.knobs.own, "DEVICE": str(device), **_bottom(instance)}
    case = replace(instance.case, knobs=replace(instance.case.knobs, own=own))
    return replace(instance, case=case, weight_budget_bytes=budget_bytes)


def _bottom(instance: Instance) -> dict[str, Scalar]:
    """Return the bottom MLP, its first width that of the data unless the user has chosen one.

    Raises:
        DataError: the data have nothing for it.
    """
    case = instance.case
    split = open_split_of(case, _SPLITS[case.function])
    if split is None or _BOTTOM in case.overrides:
        return {}
    if not split.dense_features:
        raise DataError(
            f"DATASET_DIR={case.knobs.dataset_dir} has no numerical features, and the bottom MLP of DLRM needs one; "
            "choose another data set"
        )
    _, _, behind = str(case.knobs.own[_BOTTOM]).partition("-")
    return {_BOTTOM: f"{split.dense_features}-{behind}"}


def _moved(batches: Sequence[Batch | None], device: torch.device) -> tuple[Batch | None, ...]:
    return tuple(None if batch is None else _on(batch, device) for batch in batches)


def _on(batch: Batch, device: torch.device) -> Batch:
    label_B = None if batch.label_B is None else batch.label_B.to(device)
    return Batch(dense_BI=batch.dense_BI.to(device), sparse_BF=batch.sparse_BF.to(device), label_B=label_B)


def _with_lines(prepared: Prepared, every: Scalar | None) -> Prepared:
    if prepared.more is None or every is None:
        return prepared
    lines = StepLines(prepared.more, prepared.training, int(every), say=_say, clock_ns=time.monotonic_ns)
    return replace(prepared, more=lines.more)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
