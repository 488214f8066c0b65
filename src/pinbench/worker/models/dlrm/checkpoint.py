"""Checkpoints by the names of facebookresearch/dlrm: ``torch.save`` of a dict with ``state_dict``, or .safetensors."""

from itertools import pairwise
from pathlib import Path

from torch import Tensor

from pinbench.base.errors import ModelError
from pinbench.worker.models.checkpoint_file import read_checkpoint
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.mapped_pages import drop_pages
from pinbench.worker.models.dlrm.rows import Rows


class CheckpointOrigin:
    """The weights of a checkpoint file, memory-mapped: rows are read when they are asked for."""

    def __init__(self, path: Path, config: DlrmConfig) -> None:
        self.name = str(path)
        self._state = _load_state(path)
        _check_sizes(path, self._state, config)
        status = path.stat()
        self.identity = f"{path.resolve()} of {status.st_size} bytes, {status.st_mtime_ns} ns"

    def rows(self, table: int, begin: int, end: int) -> Rows:
        """Return rows `begin` to `end` of a table, shape (end - begin, D)."""
        rows: Rows = self._state[f"emb_l.{table}.weight"][begin:end].float().numpy()
        return rows

    def forget(self, table: int) -> None:
        """Give back the pages of a table; they are read again when its rows are."""
        drop_pages(self._state[f"emb_l.{table}.weight"])

    def stacks(self) -> dict[str, Tensor]:
        """Return weights and biases by the reference's names."""
        return {name: weight.float() for name, weight in self._state.items() if not name.startswith("emb_l.")}


def expected_shapes(config: DlrmConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each weight that a checkpoint of `config` holds."""
    shapes: dict[str, tuple[int, ...]] = {
        f"emb_l.{table}.weight": (rows, config.embedding_dim) for table, rows in enumerate(config.table_rows)
    }
    for stack, sizes in (("bot_l", config.bottom), ("top_l", config.over)):
        for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
            shapes[f"{stack}.{2 * layer}.weight"] = (outputs, inputs)
            shapes[f"{stack}.{2 * layer}.bias"] = (outputs,)
    return shapes


def _load_state(path: Path) -> dict[str, Tensor]:
    content = read_checkpoint(path)
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(weight, Tensor) for weight in state.values()):
        raise ModelError(f"CHECKPOINT={path} holds no state_dict of tensors, as facebookresearch/dlrm writes it")
    return state


def _check_sizes(path: Path, state: dict[str, Tensor], config: DlrmConfig) -> None:
    expected = expected_shapes(config)
    way_out = (
        "set ARCH_SPARSE_FEATURE_SIZE, ARCH_MLP_BOT, ARCH_MLP_TOP, ARCH_EMBEDDING_SIZE and MAX_IND_RANGE to its sizes"
    )
    for name, shape in expected.items():
        if name not in state:
            raise ModelError(f"CHECKPOINT={path} has no {name}, which this architecture needs; {way_out}")
        if tuple(state[name].shape) != shape:
            found = "x".join(map(str, state[name].shape))
            asked = "x".join(map(str, shape))
            raise ModelError(f"CHECKPOINT={path}: {name} is {found}, but the case asks for {asked}; {way_out}")
    if unknown := sorted(set(state) - set(expected)):
        raise ModelError(f"CHECKPOINT={path} holds {unknown[0]}, which this architecture has not; {way_out}")
