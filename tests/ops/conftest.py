"""The library of operators, built once a source and kept in the user's cache, as runs keep it."""

import os
import shutil

import pytest
import torch
from dlrm_parts import wide_operators

from pinbench.base.cache import cache_folder
from pinbench.worker.ops.compiler import _NAMES
from pinbench.worker.ops.operators import load


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="session")
def cpus():
    return tuple(sorted(os.sched_getaffinity(0)))


@pytest.fixture(scope="session")
def operators(cpus):
    if not any(map(shutil.which, _NAMES)):
        pytest.skip("no C++ compiler on PATH")
    return load(cache_folder(os.environ), cpus)


@pytest.fixture(scope="session")
def wide(operators, cpus):
    return wide_operators(cpus)
