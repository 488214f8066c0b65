"""Fixtures of several tests of data sets."""

import os

import pytest


@pytest.fixture
def stdin():
    """The writing end of a pipe that is standard input for a while."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    yield writing
    os.dup2(kept, 0)
    os.close(kept)
