"""A torchsnapshot folder: what its two ranks wrote, and what is not believed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from dcn_golden import SNAPSHOT, STATE, golden_config

from pinbench.base.errors import ModelError
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin
from pinbench.worker.models.torchsnapshot_folder import MANIFEST, read_snapshot

BIAS = "0/model/model.over_arch.model.1.bias"
TABLE = "0/model/model.sparse_arch.embedding_bag_collection.embedding_bags.t_cat_0.weight"


@pytest.fixture
def folder(tmp_path) -> Path:
    return shutil.copytree(SNAPSHOT, tmp_path / "snapshot")


def change(folder: Path, edit) -> Path:
    content = json.loads((folder / MANIFEST).read_text())
    edit(content["manifest"])
    (folder / MANIFEST).write_text(json.dumps(content))
    return folder


def test_all_tensors_are_those_of_the_state_dict():
    found, expected = read_snapshot(SNAPSHOT), torch.load(STATE, weights_only=True)
    assert set(found) == set(expected)
    assert all(torch.equal(found[name].whole(), weight) for name, weight in expected.items())
    name = TABLE.partition("model/")[2]
    assert torch.equal(found[name].rows(190, 210), expected[name][190:210])  # over the border of two ranks


def test_the_origin_of_a_model_has_the_same_rows_from_folder_and_file():
    config = golden_config()
    folder, file = CheckpointOrigin(SNAPSHOT, config), CheckpointOrigin(STATE, config)
    assert (folder.rows(20, 3, 390) == file.rows(20, 3, 390)).all()
    assert all(torch.equal(weight, file.stacks()[name]) for name, weight in folder.stacks().items())


def test_an_older_manifest_in_yaml_is_read_and_one_that_would_run_something_is_not(folder):
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(yaml.safe_dump(content, sort_keys=False))
    assert len(read_snapshot(folder)) == 51
    (folder / MANIFEST).write_text("manifest: !!python/object/apply:os.system [touch run]\n")
    with pytest.raises(ModelError, match="neither JSON nor YAML"):
        read_snapshot(folder)


def test_shards_of_columns_and_other_types_are_put_together(tmp_path):
    whole = torch.arange(24.0).view(4, 6)
    parts = {"a": whole[:, :2].bfloat16(), "b": whole[:, 2:].bfloat16()}
    for name, part in parts.items():
        # one byte before it, so that no number is aligned
        (tmp_path / name).write_bytes(b"x" + part.contiguous().view(torch.uint8).numpy().tobytes())
    shards = [
        {
            "offsets": [0, offset],
            "sizes": list(part.shape),
            "tensor": {
                "location": name, "serializer": "buffer_protocol", "dtype": "torch.bfloat16",
                "shape": list(part.shape), "byte_range": [1, 1 + part.nbytes],
            },
        }
        for (name, part), offset in zip(parts.items(), (0, 2), strict=True)
    ]  # fmt: skip
    manifest = {"0/model/w%2Fx": {"type": "ChunkedTensor", "chunks": shards}}
    (tmp_path / MANIFEST).write_text(json.dumps({"manifest": manifest}))
    found = read_snapshot(tmp_path)
    assert torch.equal(found["w/x"].whole(), whole)
    assert torch.equal(found["w/x"].rows(1, 3), whole[1:3])


def outside(manifest):
    manifest[BIAS]["location"] = "../outside"


def absent(manifest):
    manifest[BIAS]["location"] = "batched/none"


def too_long(manifest):
    manifest[BIAS]["byte_range"] = [0, 1 << 40]


def no_place(manifest):
    manifest[BIAS]["byte_range"] = [-4, 0]


def pickled(manifest):
    manifest[BIAS]["serializer"] = "torch_save"


def an_object(manifest):
    manifest[BIAS]["type"] = "object"


def of_another_shape(manifest):
    manifest[TABLE]["shards"][0]["tensor"]["shape"] = [1, 16]


def without_a_rank(manifest):
    del manifest[TABLE]


def twice(manifest):
    shard = manifest[TABLE]["shards"][0]
    manifest[TABLE]["shards"].append({**shard, "offsets": [1, 0]})


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (outside, "is said to lie in '../outside', outside of the folder"),
        (absent, "lies in batched/none: No such file or directory; copy the folder again"),
        (too_long, "takes 4 bytes, its part is 0 to 1099511627776 of batched/"),
        (no_place, r"byte_range of \[-4, 0\], expected two places"),
        (pickled, "is torch.float32 written by torch_save"),
        (an_object, "is of the kind .*object.*; expected tensors alone"),
        (of_another_shape, r"has a part of shape \[1, 16\]"),
        (without_a_rank, "the shards of some rank are missing"),
        (twice, "some of them twice"),
    ],
)
def test_what_is_not_as_it_says_is_one_line_with_name_and_place(folder, tmp_path, edit, message):
    (tmp_path / "outside").write_bytes(b"1234")
    with pytest.raises(ModelError, match=message) as refusal:
        read_snapshot(change(folder, edit))
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(folder, tmp_path):
    (tmp_path / "outside").write_bytes(b"1234")
    (folder / "batched" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(ModelError, match="outside of the folder"):
        read_snapshot(change(folder, lambda manifest: manifest[BIAS].update(location="batched/link")))


def test_a_file_that_is_cut_short_is_refused(folder):
    for path in (folder / "batched").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="copy the folder again"):
        read_snapshot(folder)


def test_a_folder_of_something_else_and_a_model_of_another_rank_are_one_line(tmp_path):
    with pytest.raises(ModelError, match=rf"^CHECKPOINT={tmp_path} holds no \.snapshot_metadata, so it is no torchsn"):
        CheckpointOrigin(tmp_path, golden_config())
    with pytest.raises(ModelError, match=r"cross_l\.0\.v is 20x432, but the case asks for 8x432; .*DCN_LOW_RANK_DIM"):
        CheckpointOrigin(SNAPSHOT, golden_config(rank=8))
    with pytest.raises(ModelError, match="CHECKPOINT=/none: no such file"):
        CheckpointOrigin(Path("/none"), golden_config())
