import json
from pathlib import Path
from typing import Any

import pytest
import torch_build

DATA = Path(__file__).resolve().parents[1] / "data" / "pip"


def report(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"report-{name}.json").read_text())
    return found


def test_a_cuda_build_is_known_by_what_it_brings() -> None:
    urls = torch_build.cuda_urls(report("cuda"))
    assert {"torch", "triton", "nvidia-cublas", "cuda-toolkit"} <= set(urls)
    assert "numpy" not in urls
    assert "sympy" not in urls
    assert urls["torch"].endswith("torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl")


def test_a_cpu_build_brings_nothing_to_warn_of() -> None:
    assert torch_build.cuda_urls(report("cpu")) == {}


def test_nothing_is_warned_of_when_torch_is_there_already(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text('{"install": []}')
    assert torch_build.read_report(file) == {}


def test_the_warning_tells_number_size_and_way_round() -> None:
    said = torch_build.warning({"torch": "u1", "triton": "u2"}, [2_500_000_000, 400_000_000])
    assert "2 packages, 2.9 GB" in said
    assert "PINBENCH_TORCH_INDEX" in said
    assert "\n" not in said


@pytest.mark.parametrize("sizes_bytes", [[None, 400_000_000], [None, None]])
def test_an_unknown_size_is_not_counted_as_nothing(sizes_bytes: list[int | None]) -> None:
    assert "several GB" in torch_build.warning({"torch": "u1", "triton": "u2"}, sizes_bytes)


def test_the_size_of_a_local_file_is_read_and_an_absent_one_is_unknown(tmp_path: Path) -> None:
    wheel = tmp_path / "a b.whl"
    wheel.write_bytes(b"12345")
    assert torch_build.download_sizes([wheel.as_uri(), (tmp_path / "none.whl").as_uri()]) == [5, None]


def test_an_address_that_is_none_has_no_size() -> None:
    assert torch_build.download_sizes(["nonsense"]) == [None]


def test_a_gpu_shows_by_its_device_or_its_driver(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    assert not torch_build.gpu_present(tmp_path)
    (tmp_path / "dev" / "nvidia0").touch()
    assert torch_build.gpu_present(tmp_path)
    other = tmp_path / "other"
    (other / "proc" / "driver" / "nvidia").mkdir(parents=True)
    assert torch_build.gpu_present(other)


def test_an_index_is_an_address_or_a_folder_of_wheels(tmp_path: Path) -> None:
    assert torch_build.index_options("https://index.example/cpu")[:2] == ["--index-url", "https://index.example/cpu"]
    assert torch_build.index_options(str(tmp_path))[:3] == ["--no-index", "--find-links", str(tmp_path)]
