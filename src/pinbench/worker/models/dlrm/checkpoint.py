"""Checkpoints by the names of facebookresearch/dlrm or of torchrec.

``torch.save`` of a state_dict, or of a dict with one, a .safetensors file, or a folder that torchsnapshot has written.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from torch import Tensor

from pinbench.base.errors import ModelError
from pinbench.worker.models.checkpoint_file import read_checkpoint
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.rows import Rows
from pinbench.worker.models.dlrm.torchrec_names import prefix_of, torchrec_names
from pinbench.worker.models.mapped_pages import drop_pages
from pinbench.worker.models.torchsnapshot_folder import MANIFEST, read_snapshot

LEARNED = "adagrad."  # before the name of a weight: of what Adagrad has added up of it


class Stored(Protocol):
    """A weight that lies in a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        ...

    def rows(self, begin: int, end: int) -> Tensor:
        """Return rows `begin` to `end`, float32."""
        ...

    def whole(self) -> Tensor:
        """Return all of it, float32."""
        ...

    def forget(self) -> None:
        """Give back the memory that reading it has taken."""
        ...


class _Mapped:
    """A tensor over a mapped file."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight
        self.shape = tuple(weight.shape)

    def rows(self, begin: int, end: int) -> Tensor:
        return self._weight[begin:end].float()

    def whole(self) -> Tensor:
        return self._weight.float()

    def forget(self) -> None:
        drop_pages(self._weight)


class CheckpointOrigin:
    """The weights of a checkpoint, memory-mapped: rows are read when they are asked for."""

    def __init__(self, path: Path, config: DlrmConfig) -> None:
        self.name = str(path)
        found = _load_state(path, config)
        self._learned = {
            name.removeprefix(LEARNED): found.pop(name) for name in list(found) if name.startswith(LEARNED)
        }
        self._state = found
        _check_sizes(path, self._state, config)
        status = (path / MANIFEST if path.is_dir() else path).stat()
        self.identity = f"{path.resolve()} of {status.st_size} bytes, {status.st_mtime_ns} ns"

    def rows(self, table: int, begin: int, end: int) -> Rows:
        """Return rows `begin` to `end` of a table, shape (end - begin, D)."""
        rows: Rows = self._state[f"emb_l.{table}.weight"].rows(begin, end).numpy()
        return rows

    def forget(self, table: int) -> None:
        """Give back the pages of a table; they are read again when its rows are."""
        self._state[f"emb_l.{table}.weight"].forget()

    def stacks(self) -> dict[str, Tensor]:
        """Return weights and biases by the reference's names."""
        return {name: weight.whole() for name, weight in self._state.items() if not name.startswith("emb_l.")}

    def accumulators(self) -> Mapping[str, Stored]:
        """Return what Adagrad has added up of each weight, by the same names; nothing where it did not learn."""
        return self._learned


def expected_shapes(config: DlrmConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each weight that a checkpoint of `config` holds."""
    shapes: dict[str, tuple[int, ...]] = {
        f"emb_l.{table}.weight": (rows, config.embedding_dim) for table, rows in enumerate(config.table_rows)
    }
    for stack, sizes in (("bot_l", config.bottom), ("top_l", config.over)):
        for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
            shapes[f"{stack}.{2 * layer}.weight"] = (outputs, inputs)
            shapes[f"{stack}.{2 * layer}.bias"] = (outputs,)
    width, rank = config.features_width, config.cross_rank
    for layer in range(config.cross_layers):
        shapes[f"cross_l.{layer}.v"], shapes[f"cross_l.{layer}.w"] = (rank, width), (width, rank)
        shapes[f"cross_l.{layer}.bias"] = (width,)
    return shapes


def _load_state(path: Path, config: DlrmConfig) -> dict[str, Stored]:
    """Return the weights of a file or a folder by our names."""
    if path.is_dir():
        return _renamed(read_snapshot(path), config)
    content = read_checkpoint(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not state or not all(isinstance(weight, Tensor) for weight in state.values()):
        raise ModelError(f"CHECKPOINT={path} holds no state_dict of tensors, as facebookresearch/dlrm or torchrec has")
    return _renamed({str(name): _Mapped(weight) for name, weight in state.items()}, config)


def _renamed(state: Mapping[str, Stored], config: DlrmConfig) -> dict[str, Stored]:
    """Return `state` with our names for those of torchrec; names that neither has stay, to be refused."""
    prefix = prefix_of(state)
    if prefix is None:
        return dict(state)
    ours = torchrec_names(config)
    return {ours.get(name.removeprefix(prefix), name): weight for name, weight in state.items()}


def _check_sizes(path: Path, state: Mapping[str, Stored], config: DlrmConfig) -> None:
    expected = expected_shapes(config)
    cross = ", DCN_NUM_LAYERS, DCN_LOW_RANK_DIM" if config.interaction is Interaction.DCN else ""
    way_out = (
        f"set ARCH_SPARSE_FEATURE_SIZE, ARCH_MLP_BOT, ARCH_MLP_TOP{cross}, ARCH_EMBEDDING_SIZE and MAX_IND_RANGE to "
        "its sizes"
    )
    for name, shape in expected.items():
        if name not in state:
            raise ModelError(f"CHECKPOINT={path} has no {name}, which this architecture needs; {way_out}")
        if state[name].shape != shape:
            found = "x".join(map(str, state[name].shape))
            asked = "x".join(map(str, shape))
            raise ModelError(f"CHECKPOINT={path}: {name} is {found}, but the case asks for {asked}; {way_out}")
    if unknown := sorted(set(state) - set(expected)):
        raise ModelError(f"CHECKPOINT={path} holds {unknown[0]}, which this architecture has not; {way_out}")
