"""Signals as what a shell starts in the foreground has them.

Behind ``&`` or `nohup` they are ignored from the start (signal(7)), and all that a test starts would ignore them too:
what waits to be interrupted would wait for ever.
"""

import signal


def pytest_configure():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
