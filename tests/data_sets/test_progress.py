import io

from rich.console import Console

from pinbench.worker.data.criteo.progress import Progress


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_lines_come_five_seconds_apart_with_rates_and_the_time_left():
    said, clock = [], Clock()
    progress = Progress(said.append, clock)
    with progress.stage("parse", 4_000_000_000) as stage:
        clock.now_s += 4.9
        stage.advance(500_000_000, 2_000_000)
        assert said == []
        clock.now_s += 5.1
        stage.advance(500_000_000, 2_000_000)
        stage.advance(1, 1)
    assert said == ["criteo: parse 25%, 4,000,000 rows, 0.40 million rows/s, 100 MB/s, 0:00:30 left"]


def test_what_an_earlier_job_did_counts_but_not_for_the_rate():
    said, clock = [], Clock()
    with Progress(said.append, clock).stage("parse", 4_000_000_000) as stage:
        stage.skip(3_000_000_000, 9_000_000)
        clock.now_s += 10
        stage.advance(200_000_000, 1_000_000)
    assert said == ["criteo: parse 80%, 10,000,000 rows, 0.10 million rows/s, 20 MB/s, 0:00:40 left"]


def test_without_a_size_there_is_no_share_and_no_time_left():
    said, clock = [], Clock()
    with Progress(said.append, clock).stage("parse", None) as stage:
        clock.now_s += 10
        stage.advance(10_000_000, 40_000)
    assert said == ["criteo: parse, 40,000 rows, 0.00 million rows/s, 1 MB/s"]


def test_a_terminal_shows_a_bar_with_the_same_and_lines_above_it():
    clock, screen = Clock(), io.StringIO()
    progress = Progress(clock=clock, console=Console(file=screen, force_terminal=True, width=120))
    with progress.stage("parse", 1_000) as stage:
        clock.now_s += 1
        stage.advance(500, 2_000_000)
        progress.say("day_0 [sic] was kept")
    text = screen.getvalue()
    assert "2,000,000 rows, 2.00 million rows/s" in text
    assert "50%" in text
    assert "criteo: day_0 [sic] was kept" in text
