import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chain(checkout: Path) -> Path:
    """A checkout whose dummy workload has three images."""
    folder = checkout / "workload" / "dummy"
    for number, name, title in ((1, "runner", "#"), (3, "dataset", "##"), (2, "model", "##")):
        text = f"# syntax\n{title} dummy-{name}\nARG TORCH_VER=2.13.0\nARG OTHER=1\nFROM scratch\n"
        (folder / f"Dockerfile.{number}.{name}").write_text(text)
    return checkout


def test_the_chain_is_listed_with_the_higher_number_first(door: Runner, chain: Path) -> None:
    said = door(chain / "workload" / "dummy" / "build.sh", REGISTRY="r:5000/", RELEASE=":v1")
    assert said.returncode == 0
    assert said.stdout.splitlines() == [
        "# workload/dummy",
        "# image: r:5000/dummy-dataset:v1  (Dockerfile.3.dataset)",
        "# image: r:5000/dummy-model:v1  (Dockerfile.2.model)",
        "# image: r:5000/dummy-runner:v1  (Dockerfile.1.runner)",
        "images are not built yet: cases run natively (BACKEND=native), so nothing needs to be built",
    ]


def test_the_bom_names_versions_and_nothing_of_development(door: Runner, chain: Path) -> None:
    said = door(chain / "workload" / "dummy" / "build.sh", "--bom").stdout
    assert said.count("ARG TORCH_VER=2.13.0\n") == 3
    assert "OTHER" not in said
    assert "torch==" in said
    assert "pytest" not in said


def test_an_image_without_a_name_is_refused(door: Runner, chain: Path) -> None:
    (chain / "workload" / "dummy" / "Dockerfile.1.runner").write_text("FROM scratch\n")
    said = door(chain / "workload" / "dummy" / "build.sh")
    assert said.returncode != 0
    assert "no '# name' on the first two lines of" in said.stderr


def test_the_top_door_lists_all_workloads_and_a_workloads_own_only_that(door: Runner, checkout: Path) -> None:
    assert door(checkout / "build.sh").stdout.count("# workload/") == len(list(checkout.glob("workload/*/build.sh")))
    folder = checkout / "build" / "workload" / "dummy"
    folder.mkdir(parents=True)
    (folder / "build.sh").symlink_to(checkout / "build.sh")
    assert door(folder / "build.sh").stdout.count("# workload/") == 1


def test_an_unknown_option_is_bad_usage(door: Runner, checkout: Path) -> None:
    said = door(checkout / "workload" / "dummy" / "build.sh", "--push")
    assert said.returncode == 2
    assert "unknown option --push; there is: --bom" in said.stderr
