import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """One thread: with several, most of a step of models this small is waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
