"""Each module says what it is for, and each that holds logic has a test of its own."""

import ast

import pytest
from documents import ROOT

_SOURCE = ROOT / "src" / "pinbench"
_MODULES = sorted(_SOURCE.rglob("*.py"))
