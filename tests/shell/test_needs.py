import importlib.metadata
import re
import shutil
from pathlib import Path

import needs
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = (needs.ROOT / needs.CONSTRAINTS).read_text(encoding="utf-8")


def pinned(level: str = "") -> dict[str, str]:
    applicable = [Requirement(line) for line in needs.pins(CONSTRAINTS, level)]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in applicable
        if pin.marker is None or pin.marker.evaluate()
    }


def wanted_by(names: tuple[str, ...]) -> set[str]:
    """All packages that `names` bring with them, as the installed ones declare it; CUDA's are torch's own affair."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and name not in found and not name.startswith(("nvidia-", "cuda-", "triton")):
            found.add(name)
            waiting += importlib.metadata.requires(name) or []
    return found


def packages_not_here(packages: tuple[str, ...]) -> list[str]:
    there = {canonicalize_name(dist.name) for dist in importlib.metadata.distributions()}
    return [name for name in packages if canonicalize_name(name) not in there]


def test_the_level_of_this_environment_is_here() -> None:
    assert packages_not_here(tuple(name for name in needs.packages("dev") if name != "cmake")) == []


def test_every_pin_is_one_exact_version() -> None:
    lines = {line for level in ("", *needs.APART) for line in needs.pins(CONSTRAINTS, level)}
    loose = [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[^ *,]+( ; .+)?", line)]
    assert loose == []


@pytest.mark.parametrize("level", needs.LEVELS)
def test_every_package_of_a_level_is_pinned_with_all_that_it_brings(level: str) -> None:
    packages = tuple(name for name in needs.packages(level) if canonicalize_name(name) != "cmake")
    if absent := packages_not_here(packages):
        pytest.skip(f"no {', '.join(absent)} here; script/env/python {level} installs them")
    assert wanted_by(packages) - set(pinned(level)) == set()


def test_pip_and_cmake_are_pinned_too() -> None:
    assert {"pip", "cmake"} <= set(pinned())


@pytest.mark.parametrize(("machine", "version"), [("x86_64", "2.13.0"), ("aarch64", "2.9.1")])
def test_torch_has_one_version_on_each_architecture(machine: str, version: str) -> None:
    pins = [Requirement(line) for line in needs.pins(CONSTRAINTS) if line.startswith("torch==")]
    here = [str(pin.specifier) for pin in pins if pin.marker and pin.marker.evaluate({"platform_machine": machine})]
    assert here == [f"=={version}"]


@pytest.mark.parametrize(("level", "torch"), [("ipex", "2.8.0"), ("zentorch", "2.14.1")])
def test_an_environment_of_its_own_has_its_own_torch_and_the_other_pins_of_all(level: str, torch: str) -> None:
    assert pinned(level)["torch"] == torch
    assert pinned(level)["numpy"] == pinned()["numpy"]
    assert [line for line in needs.pins(CONSTRAINTS, level) if line.startswith("torch==")] == [f"torch=={torch}"]


def test_every_environment_of_its_own_is_a_level_with_pins() -> None:
    marks = set(re.findall(r"^#(\w+):", CONSTRAINTS, re.MULTILINE))
    assert marks == set(needs.APART) <= set(needs.LEVELS)


def test_a_level_implies_the_smaller_ones() -> None:
    assert needs.implied("list") == ("list",)
    assert needs.implied("run") == ("list", "run")
    assert needs.implied("data") == ("list", "data")
    assert needs.implied("dev") == ("list", "cmake", "run", "data", "learn", "mlperf", "kubernetes", "dev")


@pytest.mark.parametrize(("version", "there"), [((3, 13), True), ((3, 14), False)])
def test_a_package_without_a_build_for_this_python_is_not_asked_for(
    version: tuple[int, int], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("sys.version_info", (*version, 0))
    assert ("mlcommons-loadgen" in needs.packages("mlperf")) is there


def test_the_fingerprint_changes_with_a_pin_and_not_with_a_comment(tmp_path: Path) -> None:
    (tmp_path / needs.CONSTRAINTS).parent.mkdir(parents=True)
    shutil.copy(needs.ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / needs.CONSTRAINTS
    file.write_text("numpy==2.4.6\n")
    before = needs.fingerprint("run", tmp_path)
    file.write_text("# why\nnumpy==2.4.6  # and this\n\n")
    assert needs.fingerprint("run", tmp_path) == before
    file.write_text("numpy==2.4.7\n")
    assert needs.fingerprint("run", tmp_path) != before
