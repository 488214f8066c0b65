"""Machines as trees of files."""

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("expand", Path(__file__).parents[1] / "data/sysfs/expand.py")
assert _SPEC
assert _SPEC.loader
_EXPAND = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_EXPAND)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the tree of a machine, which all tests share: it is for reading only."""
    top = tmp_path_factory.mktemp("machines")

    @cache
    def expanded(name: str) -> Path:
        return _EXPAND.expand(name, top / name)

    return expanded


@pytest.fixture
def own_machine(tmp_path: Path) -> Callable[[str], Path]:
    """Return a tree that the test may change."""
    return lambda name: _EXPAND.expand(name, tmp_path / name)
