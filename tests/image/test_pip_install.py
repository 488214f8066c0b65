"""Packages into an image: pinned, from where the secrets say, and no CUDA build where none is wanted."""

import json
import sys
from pathlib import Path

import pytest
from documents import ROOT

sys.path.insert(0, str(ROOT / "script" / "image"))  # its modules are scripts, not a part of the package
import pip_install


def test_levels_are_joined_and_each_package_comes_once():
    names = pip_install.packages(["run", "bert"])
    assert {"torch", "tokenizers", "PyYAML"} <= set(names)
    assert len(set(names)) == len(names)


def test_pins_are_those_of_the_project_and_of_a_level_apart_its_own():
    assert 'torch==2.13.0 ; platform_machine != "aarch64"' in pip_install.pins(["run"]).splitlines()
    assert [line for line in pip_install.pins(["npu"]).splitlines() if line.startswith("torch==")] == ["torch==2.14.0"]


def test_nothing_is_installed_without_its_pin_or_built_from_sources(tmp_path):
    words = pip_install.install_words(("torch",), Path("/c.txt"), wheels=tmp_path)
    assert words[:1] + words[-1:] == ["install", "torch"]
    assert words[words.index("--constraint") + 1] == "/c.txt"
    assert "--only-binary=:all:" in words
    assert words[words.index("--find-links") + 1] == str(tmp_path)
    assert "--find-links" not in pip_install.install_words(("torch",), Path("/c.txt"), wheels=tmp_path / "none")


def test_where_packages_come_from_is_in_the_secrets_that_are_there(tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\n")
    (tmp_path / "ca.crt").touch()  # podman mounts an empty file for a secret that is not given
    environment = pip_install.environment(tmp_path)
    assert environment["PIP_CONFIG_FILE"] == str(tmp_path / "pip.conf")
    assert environment.get("PIP_CERT") != str(tmp_path / "ca.crt")


@pytest.fixture
def pip(monkeypatch):
    """A pip that would bring these packages, and what it was asked."""
    calls = []

    def run(names):
        def answer(words):
            calls.append(words)
            if "--report" in words:
                items = [{"metadata": {"name": name}, "download_info": {"url": f"https://e/{name}"}} for name in names]
                Path(words[words.index("--report") + 1]).write_text(json.dumps({"install": items}))
            return 0

        monkeypatch.setattr(pip_install, "_pip", answer)
        monkeypatch.setattr(pip_install.subprocess, "run", lambda words, check: calls.append(words))
        return calls

    return run


def test_a_cuda_build_is_refused_before_anything_is_installed(pip, capsys):
    calls = pip(["torch", "nvidia-cublas"])
    assert pip_install.main(["--refuse-cuda", "run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "a CUDA build of torch (2 packages, several GB) into an image for CPUs" in line
    assert "--context pinbench-wheels=DIR" in line
    assert all("--dry-run" in words for words in calls)


def test_a_cpu_build_is_installed_into_the_environment_of_the_image(pip):
    calls = pip(["torch", "numpy"])
    assert pip_install.main(["--refuse-cuda", "run"]) == 0
    assert calls[-1][:3] == ["--python", "/opt/venv/bin/python", "install"]
    assert calls[1][1:] == ["-m", "venv", "--without-pip", "/opt/venv"]
