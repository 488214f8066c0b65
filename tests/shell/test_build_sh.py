"""The doors to `pinbench image`: what reaches it, from which folder. What it does is in tests/image."""

import subprocess
from collections.abc import Callable
from pathlib import Path

Runner = Callable[..., subprocess.CompletedProcess[str]]


def test_a_workloads_door_names_its_folder_and_hands_on_the_options(door: Runner, checkout: Path) -> None:
    folder = checkout / "workload" / "dummy"
    said = door(folder / "build.sh", "--bom", "--secret", "pip.conf=a b")
    assert said.stdout.splitlines()[0] == f"arguments: image {folder} --bom --secret pip.conf=a b"


def test_the_top_door_names_none_and_takes_those_that_are_given(door: Runner, checkout: Path) -> None:
    assert door(checkout / "build.sh", "--bom").stdout.splitlines()[0] == "arguments: image --bom"
    assert door(checkout / "build.sh", "docker/spark").stdout.splitlines()[0] == "arguments: image docker/spark"


def test_a_door_in_a_build_folder_brings_its_settings(door: Runner, checkout: Path) -> None:
    build = checkout / "build"
    folder = build / "workload" / "dummy"
    folder.mkdir(parents=True)
    for place in (build, folder):
        (place / "build.sh").symlink_to(checkout / "build.sh")
    said = door(folder / "build.sh", "--dry-run").stdout.splitlines()[0]
    assert said == f"arguments: image {checkout}/workload/dummy --build {folder} --dry-run"
    assert door(build / "build.sh").stdout.splitlines()[0] == f"arguments: image --build {build}"


def test_the_exit_code_is_that_of_the_command(door: Runner, checkout: Path) -> None:
    (checkout / "script" / "pinbench").write_text("#!/bin/sh\nexit 2\n")
    assert door(checkout / "workload" / "dummy" / "build.sh").returncode == 2
