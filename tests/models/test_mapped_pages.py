"""A table whose pages were given back takes no memory and still has its content, in each container."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin, expected_shapes
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.rows import fill_tables
from pinbench.worker.models.mapped_pages import drop_pages

CONFIG = make_config(
    embedding_dim=64, bottom="13-64", over="4-1", table_rows=(1 << 17, 100, 1 << 17), interaction="dot"
)
MIB = 1 << 10  # in the unit of /proc


def saved(folder: Path, container: str) -> tuple[Path, dict[str, torch.Tensor]]:
    state = {name: torch.rand(shape) for name, shape in expected_shapes(CONFIG).items()}
    path = folder / ("m.safetensors" if container == "safetensors" else "m.pt")
    if container == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=container == "zip")
    return path, state


def mapped_kib() -> int:
    """Return the pages of files that count as this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssFile:")))


@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
def test_filled_tables_are_those_of_the_file_and_its_pages_are_given_back(tmp_path, container):
    path, state = saved(tmp_path, container)
    origin = CheckpointOrigin(path, CONFIG)
    target = np.zeros((sum(CONFIG.table_rows), 64), np.float32)
    before = mapped_kib()
    with ThreadPoolExecutor(2) as pool:
        fill_tables(target, origin, CONFIG.table_rows, pool)
    assert mapped_kib() - before < 8 * MIB  # of 64
    whole = torch.cat([state[f"emb_l.{table}.weight"] for table in range(3)])
    assert np.array_equal(target, whole.numpy())
    again = np.concatenate([origin.rows(table, 0, rows) for table, rows in enumerate(CONFIG.table_rows)])
    assert np.array_equal(again, whole.numpy())
    assert {name: weight.tolist() for name, weight in origin.stacks().items()} == {
        name: weight.tolist() for name, weight in state.items() if not name.startswith("emb_l.")
    }


def test_a_tensor_within_a_page_is_left_alone():
    small = torch.arange(16.0)
    drop_pages(small[:8])
    assert small.tolist() == list(range(16))
