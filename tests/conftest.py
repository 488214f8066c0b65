"""What all tests may use, and signals as what a shell starts in the foreground has them.

Behind ``&`` or `nohup` they are ignored from the start (signal(7)), and all that a test starts would ignore them too:
what waits to be interrupted would wait for ever.
"""

import signal

import pytest


def pytest_configure():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def one_thread():
    """One thread: with several, most of a step of a small model is waiting for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
