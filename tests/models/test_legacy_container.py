"""The old container is mapped, not loaded: what is not asked for takes no memory."""

from pathlib import Path

import pytest
import torch

from pinbench.base.errors import ModelError
from pinbench.worker.models.checkpoint_file import read_checkpoint
from pinbench.worker.models.legacy_container import read_legacy

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def saved(path: Path, content: object) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def private_kib() -> int:
    """Return the memory of this process that no file stands behind."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Anonymous:")))


def test_the_file_of_march_2020_gives_what_the_one_of_today_holds():
    legacy, today = (read_checkpoint(GOLDEN / name)["state_dict"] for name in ("tiny_tb00_legacy.pt", "tiny_tb00.pt"))
    assert len(legacy) == len(today) == 42
    for name, weight in today.items():
        assert torch.equal(legacy[name], weight), name


def test_types_shapes_views_and_shared_storages_come_back(tmp_path):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    content = {
        "view": base[1:3], "turned": base.T, "half": base.half(), "bf16": base.bfloat16(),
        "ids": torch.arange(5), "none": torch.empty(0, 3), "flag": torch.tensor([True, False]),
    }  # fmt: skip
    found = read_legacy(saved(tmp_path / "m.pt", content))
    for name, tensor in content.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


def test_a_table_takes_memory_only_where_it_is_copied_to(tmp_path):
    path = saved(tmp_path / "m.pt", {"table": torch.ones(1 << 18, 64)})  # 64 MiB
    before = private_kib()
    table = read_legacy(path)["table"]
    total = sum(table[begin : begin + 1024].double().sum().item() for begin in range(0, len(table), 1024))
    assert total == 1 << 24
    assert private_kib() - before < 16 << 10


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("is_legacy", [False, True])
def test_code_in_either_container_of_torch_does_not_run(tmp_path, is_legacy):
    path, trace = tmp_path / "m.pt", tmp_path / "it-ran"
    content = {"state_dict": {"emb_l.0.weight": torch.rand(3, 2)}, "surprise": Malicious(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=not is_legacy)
    with pytest.raises(ModelError, match=r"it holds \S+, neither tensor nor number"):
        read_checkpoint(path)
    assert not trace.exists()


def test_a_storage_that_is_longer_than_the_file_is_cut_short(tmp_path):
    path = saved(tmp_path / "m.pt", {"a": torch.rand(100)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="it is cut short or damaged; fetch it again"):
        read_checkpoint(path)
