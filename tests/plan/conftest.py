"""Machines as trees of files."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("expand", Path(__file__).parents[1] / "data/sysfs/expand.py")
assert _SPEC
assert _SPEC.loader
_EXPAND = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_EXPAND)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: _EXPAND.expand(name, tmp_path / name)
