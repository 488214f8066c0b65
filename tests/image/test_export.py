from pathlib import Path

from dockerfiles import write_files

from pinbench.harness.image.command import Settings
from pinbench.harness.image.dockerfile import read_images
from pinbench.harness.image.export import exported_files


def test_exported_files_are_numbered_and_hold_what_was_chosen(tmp_path: Path) -> None:
    files = {
        "2.base": "## base\nFROM scratch\n",
        "1.run": "# run\nARG BASE_IMAGE=base\nARG G_VER=1\n# why\nFROM ${BASE_IMAGE}\nRUN a ${G_VER}\n",
    }
    order = read_images(write_files(tmp_path, files))
    settings = Settings(root=tmp_path, release=":v1", build_arguments={"G_VER": "2 3"})
    said = exported_files("podman", order, {one.name: one for one in order}, settings)
    assert list(said) == ["01-base.Dockerfile", "02-run.Dockerfile"]
    assert said["02-run.Dockerfile"].splitlines()[:6] == [
        "# run", "ARG BASE_IMAGE=base:v1", "ARG G_VER='2 3'", "# why", "FROM ${BASE_IMAGE}", "RUN a ${G_VER}",
    ]  # fmt: skip
    assert said["02-run.Dockerfile"].splitlines()[6].startswith("# podman build --format=docker --file=")
