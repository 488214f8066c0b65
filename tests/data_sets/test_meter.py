import io

from pinbench.worker.data.meter import Meter

GIB = 1 << 30


class Terminal(io.StringIO):
    def isatty(self):
        return True


def clock(*times_s):
    return iter(times_s).__next__


def test_elsewhere_a_line_comes_every_five_seconds_at_most():
    said = io.StringIO()
    meter = Meter("day_0.gz", said, clock(0.0, 0.0, 4.9, 5.0, 6.0))
    meter.start(0, 4 * GIB)
    for done_bytes in (1, GIB, 2 * GIB):
        meter.update(done_bytes)
    meter.end()
    assert said.getvalue() == "download: day_0.gz 25%, 1.0 GiB of 4.0 GiB, 204.8 MiB/s, 15 s left\n"


def test_the_rate_is_of_this_process_when_a_part_was_there():
    said = io.StringIO()
    meter = Meter("day_0.gz", said, clock(0.0, 0.0, 10.0))
    meter.start(2 * GIB, 4 * GIB)
    meter.update(3 * GIB)
    assert said.getvalue() == "download: day_0.gz 75%, 3.0 GiB of 4.0 GiB, 102.4 MiB/s, 10 s left\n"


def test_a_terminal_has_one_line_with_a_bar():
    said = Terminal()
    meter = Meter("day_0.gz", said, clock(0.0, 0.0, 1.0, 2.0))
    meter.start(0, 4 * GIB)
    meter.update(GIB)
    meter.update(2 * GIB)
    meter.end()
    assert said.getvalue().count("\r") == 2
    assert "[###############               ] 50%" in said.getvalue()
    assert said.getvalue().endswith("\x1b[K\n")


def test_without_a_known_size_there_is_no_share():
    said = io.StringIO()
    meter = Meter("day_0.gz", said, clock(0.0, 0.0, 8.0))
    meter.start(0, None)
    meter.update(GIB)
    assert said.getvalue() == "download: day_0.gz 1.0 GiB, 128.0 MiB/s\n"
