import pytest


@pytest.fixture(autouse=True)
def alone(one_thread):
    """All of these models are small."""
