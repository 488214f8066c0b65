from pathlib import Path

import pytest
import torch

from pinbench.base.errors import ModelError
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin, expected_shapes
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config


def config_of(**changes: object) -> DlrmConfig:
    sizes = {"embedding_dim": 4, "bottom": "13-4", "over": "5-1", "table_rows": (7, 3), "interaction": "dot"}
    return make_config(**(sizes | changes))


def saved(path: Path, config: DlrmConfig, *, legacy: bool = False) -> Path:
    state = {name: torch.rand(shape) for name, shape in expected_shapes(config).items()}
    torch.save({"state_dict": state, "iter": 3}, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_rows_and_stacks_are_those_of_the_file(tmp_path, legacy):
    path = saved(tmp_path / "m.pt", config_of(), legacy=legacy)
    origin = CheckpointOrigin(path, config_of())
    state = torch.load(path, weights_only=True)["state_dict"]
    assert torch.equal(torch.from_numpy(origin.rows(1, 1, 3).copy()), state["emb_l.1.weight"][1:3])
    assert set(origin.stacks()) == {"bot_l.0.weight", "bot_l.0.bias", "top_l.0.weight", "top_l.0.bias"} | {
        "top_l.2.weight",
        "top_l.2.bias",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table_rows": (8, 3)}, r"emb_l\.0\.weight is 7x4, but the case asks for 8x4; set ARCH_"),
        ({"over": "6-1"}, r"top_l\.0\.weight is 5x7, but the case asks for 6x7"),
        ({"table_rows": (7, 3, 2)}, r"has no emb_l\.2\.weight"),
        ({"bottom": "13-4-4"}, r"has no bot_l\.2\.weight"),
        ({"table_rows": (7,)}, r"is 5x7, but the case asks for 5x5|holds emb_l\.1\.weight"),
    ],
)
def test_a_checkpoint_of_other_sizes_is_refused_by_the_first_weight_that_differs(tmp_path, changes, message):
    path = saved(tmp_path / "m.pt", config_of())
    with pytest.raises(ModelError, match=message):
        CheckpointOrigin(path, config_of(**changes))


def test_a_missing_checkpoint_and_one_without_weights_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"no\.pt: no such file"):
        CheckpointOrigin(tmp_path / "no.pt", config_of())
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelError, match="holds no state_dict"):
        CheckpointOrigin(tmp_path / "list.pt", config_of())
