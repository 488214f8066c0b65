from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pinbench.base.errors import ModelError
from pinbench.worker.models.checkpoint_file import read_checkpoint
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin, expected_shapes
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config


def small() -> DlrmConfig:
    return make_config(embedding_dim=4, bottom="13-4", over="5-1", table_rows=(7, 3), interaction="dot")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_and_stacks_are_those_of_the_file(tmp_path, dtype):
    state = {name: torch.rand(shape).to(dtype) for name, shape in expected_shapes(small()).items()}
    save_file(state, tmp_path / "m.safetensors")
    origin = CheckpointOrigin(tmp_path / "m.safetensors", small())
    assert torch.equal(torch.from_numpy(origin.rows(0, 2, 5).copy()), state["emb_l.0.weight"][2:5].float())
    assert {name: weight.tolist() for name, weight in origin.stacks().items()} == {
        name: weight.float().tolist() for name, weight in state.items() if not name.startswith("emb_l.")
    }


def test_names_and_sizes_are_checked_as_in_any_checkpoint(tmp_path):
    save_file({"emb_l.0.weight": torch.rand(7, 4)}, tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=r"m\.safetensors has no emb_l\.1\.weight, which this architecture needs"):
        CheckpointOrigin(tmp_path / "m.safetensors", small())


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100])
def test_what_is_no_safetensors_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    assert_refused(path)


@pytest.mark.parametrize("kept", [4, 30, -1])
def test_a_file_that_was_cut_is_refused_in_one_line(tmp_path, kept):
    path = tmp_path / "m.safetensors"
    save_file({"emb_l.0.weight": torch.rand(7, 4)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert_refused(path)


def assert_refused(path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read as safetensors: .*; fetch it again") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
