import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment
import needs
import pytest
import torch_build
from environment import make_ready
from setup_error import SetupError
from venv_state import VenvState, of_this_checkout

BEGUN = "Installing collected packages: numpy\n"


class FakePip:
    """Stands for pip: remembers what it was told, writes to the log, and fails when told to."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.says = BEGUN
        self.raises: BaseException | None = None

    def __call__(self, command: Sequence[str], words: Sequence[str], log: Path) -> None:
        self.calls.append([word for word in words if not word.endswith("constraints.txt")])
        if "--report" in words:
            Path(words[words.index("--report") + 1]).write_text('{"install": []}')
            return
        with log.open("a") as file:
            file.write(self.says)
        if self.raises is not None:
            raise self.raises

    def installed(self) -> list[list[str]]:
        return [words for words in self.calls if "--dry-run" not in words]


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> FakePip:
    fake = FakePip()
    monkeypatch.setattr(environment, "run_pip", fake)
    monkeypatch.setattr(environment, "_bring_pip", lambda venv: None)
    monkeypatch.setattr(torch_build, "gpu_present", lambda: True)
    return fake


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy = tmp_path / "root"
    (copy / needs.CONSTRAINTS).parent.mkdir(parents=True)
    shutil.copy(needs.ROOT / "pyproject.toml", copy)
    shutil.copy(needs.ROOT / needs.CONSTRAINTS, copy / needs.CONSTRAINTS)
    return copy


@pytest.fixture
def venv(root: Path) -> VenvState:
    return VenvState(folder=root / ".venv", root=root)


def test_a_level_is_installed_once(venv: VenvState, pip: FakePip) -> None:
    assert not venv.is_ready("list")
    make_ready(venv, "list")
    assert venv.is_ready("list")
    make_ready(venv, "list")
    assert pip.installed() == [["install", "--constraint", "PyYAML"]]


def test_the_interpreter_finds_the_sources_of_the_checkout(venv: VenvState, pip: FakePip) -> None:
    make_ready(venv, "list")
    (link,) = venv.folder.glob("lib/*/site-packages/pinbench-src.pth")
    assert link.read_text() == f"{venv.root / 'src'}\n"


def test_a_larger_level_makes_the_smaller_ones_ready(venv: VenvState, pip: FakePip) -> None:
    make_ready(venv, "run")
    assert venv.is_ready("list")
    assert not venv.is_ready("dev")


def test_data_sets_are_prepared_without_torch(venv: VenvState, pip: FakePip) -> None:
    make_ready(venv, "data")
    assert pip.installed() == [["install", "--constraint", "PyYAML", "numpy", "numba", "isal", "rich"]]
    assert venv.is_ready("list")
    assert not venv.is_ready("run")


def test_an_environment_of_its_own_gets_its_own_pins_and_one_level(root: Path, pip: FakePip) -> None:
    apart = VenvState(folder=root / ".venv-ipex", root=root, apart="ipex")
    make_ready(apart, "ipex")
    assert apart.is_ready("ipex")
    assert not apart.is_ready("list")
    assert apart.constraints == root / ".venv-ipex" / "pinbench" / "constraints.txt"
    pins = apart.constraints.read_text().splitlines()
    assert "torch==2.8.0" in pins
    assert not any(line.startswith("torch==2.13") for line in pins)
    run = needs.packages("run")
    assert pip.installed() == [["install", "--constraint", *run, "intel-extension-for-pytorch"]]


def test_the_environment_of_a_level_is_found_by_its_name() -> None:
    assert of_this_checkout("ipex").folder == needs.ROOT / ".venv-ipex"
    assert of_this_checkout("openvino").folder == needs.ROOT / ".venv"


def test_a_change_of_pins_installs_again_into_the_same_environment(venv: VenvState, root: Path, pip: FakePip) -> None:
    make_ready(venv, "list")
    kept = venv.folder / "kept"
    kept.touch()
    with (root / needs.CONSTRAINTS).open("a") as file:
        file.write("something==1.0\n")
    assert not venv.is_ready("list")
    make_ready(venv, "list")
    assert venv.is_ready("list")
    assert len(pip.installed()) == 2
    assert kept.exists()


def test_a_link_to_the_environment_of_another_checkout_is_refused_and_not_emptied(
    venv: VenvState, tmp_path: Path, pip: FakePip
) -> None:
    other = tmp_path / "other"
    (other / "pinbench").mkdir(parents=True)
    (other / "kept").touch()
    venv.folder.symlink_to(other)
    with pytest.raises(SetupError, match=r"\.venv is a symbolic link, and what it leads to is left alone"):
        make_ready(venv, "list")
    assert (other / "kept").exists()


@pytest.mark.parametrize("error", [SetupError("no network"), KeyboardInterrupt()])
def test_a_level_that_could_not_be_fetched_leaves_the_others_as_they_were(
    venv: VenvState, pip: FakePip, error: BaseException
) -> None:
    make_ready(venv, "list")
    kept = venv.folder / "kept"
    kept.touch()
    pip.says, pip.raises = "Collecting torch\n", error
    with pytest.raises(type(error)):
        make_ready(venv, "run")
    assert venv.is_ready("list")
    assert not venv.is_ready("run")
    pip.raises = None
    make_ready(venv, "run")
    assert venv.is_ready("run")
    assert kept.exists()


@pytest.mark.parametrize("error", [SetupError("disk full"), KeyboardInterrupt()])
def test_an_environment_cut_off_while_packages_changed_is_made_anew(
    venv: VenvState, pip: FakePip, error: BaseException
) -> None:
    pip.raises = error
    with pytest.raises(type(error)):
        make_ready(venv, "run")
    assert not venv.is_ready("run")
    rest = venv.folder / "half-a-package"
    rest.touch()
    pip.raises = None
    make_ready(venv, "run")
    assert venv.is_ready("run")
    assert not rest.exists()


def test_an_environment_that_was_moved_is_made_anew(venv: VenvState, root: Path, pip: FakePip) -> None:
    make_ready(venv, "list")
    moved = root.rename(root.with_name("moved"))
    elsewhere = VenvState(folder=moved / ".venv", root=moved)
    assert not elsewhere.is_ready("list")
    make_ready(elsewhere, "list")
    assert elsewhere.is_ready("list")


def test_an_environment_whose_interpreter_is_gone_is_made_anew(venv: VenvState, pip: FakePip) -> None:
    make_ready(venv, "list")
    venv.python.unlink()
    venv.python.symlink_to("/nonexistent/python3")
    assert not venv.is_ready("list")
    make_ready(venv, "list")
    assert venv.is_ready("list")


def test_an_environment_of_somebody_else_is_left_alone(venv: VenvState, pip: FakePip) -> None:
    venv.folder.mkdir()
    (venv.folder / "pyvenv.cfg").touch()
    with pytest.raises(SetupError, match=r"not made by pinbench.*PINBENCH_PYTHON="):
        make_ready(venv, "list")
    assert [path.name for path in venv.folder.iterdir()] == ["pyvenv.cfg"]


def test_a_second_process_waits_and_installs_nothing(
    venv: VenvState, pip: FakePip, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "waiting" in text:
            waits.set()

    def slow(command: Sequence[str], words: Sequence[str], log: Path) -> None:
        other.start()
        assert waits.wait(timeout=20)
        pip(command, words, log)

    other = threading.Thread(target=lambda: make_ready(venv, "list"))
    monkeypatch.setattr(environment, "_say", say)
    monkeypatch.setattr(environment, "run_pip", slow)
    make_ready(venv, "list")
    other.join(timeout=20)
    assert any("waiting" in text for text in said)
    assert len(pip.installed()) == 1


def test_torch_of_a_named_index_comes_from_there_alone_and_first(root: Path, pip: FakePip) -> None:
    venv = VenvState(folder=root / ".venv", root=root, torch_index="https://user:secret@index.example/cpu")
    make_ready(venv, "run")
    torch, rest = pip.installed()
    assert torch[2:] == [
        "--index-url", "https://user:secret@index.example/cpu", "--no-deps", "--force-reinstall", "torch",
    ]  # fmt: skip
    assert rest[2:] == ["PyYAML", "torch", "numpy", "safetensors"]
    assert all("secret" not in path.read_text() for path in venv.own.iterdir())


def test_another_index_brings_torch_again_and_none_is_content(root: Path, pip: FakePip) -> None:
    make_ready(VenvState(folder=root / ".venv", root=root, torch_index="https://index.example/one"), "run")
    assert VenvState(folder=root / ".venv", root=root).is_ready("run")
    other = VenvState(folder=root / ".venv", root=root, torch_index="https://index.example/two")
    assert other.is_ready("list")
    assert not other.is_ready("run")
    make_ready(other, "run")
    assert other.is_ready("run")


def test_without_a_gpu_a_cuda_build_is_announced_before_it_is_fetched(
    venv: VenvState, pip: FakePip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch_build, "gpu_present", lambda: False)
    monkeypatch.setattr(torch_build, "read_report", lambda path: {"torch": "u1", "triton": "u2"})
    monkeypatch.setattr(torch_build, "download_sizes", lambda urls: [10**9 for _ in urls])
    make_ready(venv, "run")
    assert "2 packages, 2.0 GB, to a machine without a GPU" in capsys.readouterr().err
    dry_run, install = pip.calls
    assert dry_run[-1] == "torch"
    assert "--dry-run" in dry_run
    assert "--dry-run" not in install


def test_listing_never_asks_for_torch(venv: VenvState, pip: FakePip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_build, "gpu_present", lambda: False)
    make_ready(venv, "list")
    assert all("torch" not in words for words in pip.calls)


def without_ensurepip(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run

    def failing(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        if "ensurepip" in command:
            return subprocess.CompletedProcess(command, 1, stdout=b"", stderr=b"No module named ensurepip")
        return run(command, **options)

    monkeypatch.setattr(environment.subprocess, "run", failing)


def test_where_pip_is_not_bundled_another_pip_installs_it(venv: VenvState, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(environment, "run_pip", lambda command, words, log: commands.append([*command, *words]))
    monkeypatch.setattr(environment, "existing_pip", lambda: ["/usr/bin/pip3"])
    without_ensurepip(monkeypatch)
    make_ready(venv, "list")
    assert commands[0][:4] == ["/usr/bin/pip3", "--python", str(venv.python), "install"]
    assert commands[0][-1] == "pip"
    assert commands[1][0] == str(venv.python)


def test_where_there_is_no_pip_at_all_the_way_out_is_named(venv: VenvState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "existing_pip", lambda: None)
    without_ensurepip(monkeypatch)
    with pytest.raises(SetupError, match=r"neither ensurepip nor pip; install .*python3-venv.*PINBENCH_PYTHON="):
        make_ready(venv, "list")
    assert not venv.is_ready("list")


def test_an_existing_pip_can_install_into_another_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "pip3"
    old.write_text("#!/bin/sh\necho 'no such option: --python' >&2; exit 2\n")
    new = tmp_path / "pip"
    new.write_text("#!/bin/sh\necho pip 23.0\n")
    for path in (old, new):
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment.sys, "executable", "/bin/false")
    assert environment.existing_pip() == [str(new)]
