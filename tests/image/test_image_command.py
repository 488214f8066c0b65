"""`pinbench image` as a user calls it; where a command is run, a script stands in for the engine."""

import re
import subprocess
from pathlib import Path

import pytest
from documents import ROOT

from pinbench.harness.cli import _image_settings, main

_REVISION_OF = _image_settings._revision

_GOLDEN = ROOT / "tests" / "data" / "image"
_DLRM = ROOT / "workload" / "DLRM-PyTorch-Xeon-Public"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("REGISTRY", "RELEASE", "PLATFORM", "CONTAINER_ENGINE", "http_proxy", "https_proxy", "no_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)
    monkeypatch.setattr(_image_settings, "_revision", lambda root: "0123abcd+")


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A podman that notes what it is asked to build, fails for the image FAILS, and has built everything."""
    script = f"""#!/bin/sh
case "$1" in
version) exit 0 ;;
images) echo "1.2 GB" ;;
*) echo "$@" >> {tmp_path}/calls; case "$*" in *"$FAILS"*) test -z "$FAILS" || exit 125 ;; esac ;;
esac
"""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "podman").write_text(script)
    (folder / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("CONTAINER_ENGINE", "podman")
    monkeypatch.setenv("FAILS", "")
    return tmp_path / "calls"


def said(capsys) -> str:
    """Return what was printed, with what changes from place to place left out."""
    text = capsys.readouterr().out.replace(str(ROOT), "/checkout")
    return re.sub(r"CONTEXT_STATE=[0-9a-f]+", "CONTEXT_STATE=...", text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dlrm.dry-run", [str(_DLRM), "--dry-run", "--container-engine=podman"]),
        (
            "bert.dry-run",
            ["workload/BERTLarge-PyTorch-ARM", "--dry-run", "--container-engine=docker", "--platform=linux/arm64",
             "--registry=r.example.org:5000", "--release=V1", "--push"],
        ),
        ("dlrm.bom", [str(_DLRM), "--bom"]),
    ],
)  # fmt: skip
def test_what_would_be_built_is_as_recorded(name, words, capsys, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert main(["image", *words]) == 0
    text = said(capsys).partition("# python packages")[0]
    assert text == (_GOLDEN / f"{name}.txt").read_text()


def test_the_bill_ends_with_the_packages_and_without_those_of_development(capsys):
    assert main(["image", str(_DLRM), "--bom"]) == 0
    text = said(capsys)
    assert "torch==" in text
    assert "pytest" not in text


def test_without_a_folder_all_workloads_are_meant_and_shared_images_come_once(capsys):
    assert main(["image", "--dry-run"]) == 0
    text = said(capsys)
    assert text.count("# workload/") == len(list(ROOT.glob("workload/*/workload.yaml")))
    assert text.count("--tag=pinbench-torch:latest ") == 1


def test_images_are_built_in_order_and_each_says_its_size(engine, capsys):
    assert main(["image", "workload/dummy", "--build-arg", "DEBIAN_IMAGE=localhost/x"]) == 0
    built = re.findall(r"--tag=(\S+):latest", engine.read_text())
    assert built[-1] == "dummy"
    assert built.index("pinbench-base") < built.index("pinbench-torch") < built.index("pinbench-runner")
    assert re.search(r"# image: dummy:latest: 1.2 GB, \d+\.\d s", said(capsys))


def test_an_image_that_fails_ends_the_chain_in_one_line(engine, capsys, monkeypatch):
    monkeypatch.setenv("FAILS", "Dockerfile.9.base")
    assert main(["image", "workload/dummy"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "image pinbench-base (Dockerfile.9.base): podman ended with 125, and says why above; it takes from" in line
    assert line.endswith("make a base image here with script/image/base, and give --build-arg DEBIAN_IMAGE=NAME")
    assert "pinbench-torch" not in engine.read_text()


def test_published_images_are_pushed_after_all_are_built_and_local_ones_never(engine):
    assert main(["image", "workload/dummy", "--registry", "r", "--push"]) == 0
    calls = engine.read_text().splitlines()
    assert [line for line in calls if line.startswith("push")] == [
        "push r/dummy-benchmark:latest",
        "push r/dummy:latest",
    ]
    assert calls[-1].startswith("push")


def test_dockerfiles_are_exported(tmp_path, capsys):
    assert main(["image", "workload/dummy", "--export-dockerfile", str(tmp_path)]) == 0
    names = sorted(path.name for path in (tmp_path / "dummy").iterdir())
    assert names[0] == "01-dummy-benchmark.Dockerfile"
    assert names[-1].endswith("-dummy.Dockerfile")
    assert f"{tmp_path / 'dummy'}: {len(names)} Dockerfiles" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["workload/none", "--dry-run"], 2, "workload/none: no such folder; workload/<W> with one of BERT"),
        (["doc", "--dry-run"], 2, "no Dockerfile.<digit>.<word> in it"),
        (["--build-arg", "PYTON3_VER=1", "--dry-run"], 2, "has such an ARG; did you mean PYTHON3_VER?"),
        (["--build-arg", "X", "--dry-run"], 2, "--build-arg X: write --build-arg NAME=VALUE"),
        (["--secret", "pip.cnf=/x", "--dry-run"], 2, "--secret pip.cnf: nothing reads it; did you mean pip.conf?"),
        (["--secret", "pip.conf=/none", "--dry-run"], 2, "--secret pip.conf=/none: no such file"),
        (["--context", "pinbench-weels=/x", "--dry-run"], 2, "did you mean pinbench-wheels?"),
        (["--context", "pinbench-wheels=/none", "--dry-run"], 2, "--context pinbench-wheels=/none: no such folder"),
        (["--platform", "linux/riscv64", "--dry-run"], 2, "there are: linux/amd64, linux/arm64"),
        (["--release", "a b", "--dry-run"], 2, "RELEASE=a b is not an image tag"),
        (["--container-engine", "kaniko", "--dry-run"], 2, "container engine kaniko is not known"),
        (["--container-engine", "buildah"], 2, "container engine buildah: no such program"),
        (["--push"], 2, "--push needs a registry: --registry NAME, or cmake -DREGISTRY=NAME"),
        (["--build-arg", "RUNNER_IMAGE=pinbench-runner-npu"], 2, "CANN_IMAGE has no default; give --build-arg"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(words, code, complaint, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = [] if words[0].startswith(("workload", "doc")) else ["workload/DLRM-PyTorch-Ascend"]
    assert main(["image", *folder, *words]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


def test_an_unknown_option_is_bad_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["image", "--exportt"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --exportt" in capsys.readouterr().err


def test_registry_and_release_come_from_the_build_folder_unless_they_are_given(tmp_path: Path, capsys, monkeypatch):
    (tmp_path / "settings.json").write_text(
        '{"source": "", "platform": "SPR", "benchmark": "", "backend": "native", "registry": "r:5000/", '
        '"release": ":v7", "timeout": "1"}'
    )
    words = ["image", "workload/dummy", "--bom", "--build", str(tmp_path)]
    assert main(words) == 0
    assert "# image: r:5000/dummy:v7 " in said(capsys)
    monkeypatch.setenv("RELEASE", ":v8")
    assert main([*words, "--registry", "other"]) == 0
    assert "# image: other/dummy:v8 " in said(capsys)


def test_the_platform_of_cmake_chooses_the_architecture(capsys, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setenv("PLATFORM", "GRAVITON4")
    assert main(["image", "workload/dummy", "--dry-run"]) == 0
    assert "--platform=linux/arm64" in said(capsys)
    monkeypatch.setenv("PLATFORM", "GENOA")
    assert main(["image", "workload/dummy", "--dry-run"]) == 0
    assert "--platform" not in said(capsys)


def test_a_changed_file_of_a_context_changes_what_the_build_is_told(tmp_path, capsys):
    words = ["image", str(_DLRM), "--dry-run", "--context", f"dlrm-pytorch-model-24.04={tmp_path}"]

    def state() -> str:
        assert main(words) == 0
        line = next(line for line in capsys.readouterr().out.splitlines() if "tag=dlrm-pytorch-model" in line)
        return re.search(r"CONTEXT_STATE=(\w+)", line)[1]

    before = state()
    (tmp_path / "tb00.pt").write_bytes(b"1")
    added = state()
    (tmp_path / "tb00.pt").write_bytes(b"12")
    assert len({before, added, state()}) == 3


def test_the_commit_is_told_and_whether_files_differ_from_it(tmp_path):
    def git(*words: str) -> None:
        who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True)

    assert _REVISION_OF(tmp_path) == ""
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    clean = _REVISION_OF(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{40}", clean)
    (tmp_path / "new").touch()
    assert _REVISION_OF(tmp_path) == f"{clean}+"
