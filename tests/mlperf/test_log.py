"""Reading a log: foreign lines are passed over, what cannot be an event is refused with its place."""

import pytest
from mlperf_logs import events, rewrite, write_log

from pinbench.base.errors import RecordError
from pinbench.contract.mlperf import LOG_FILE, Division
from pinbench.harness.mlperf.log import read_log


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / LOG_FILE, "dlrm")


def test_a_log_tells_its_benchmark_and_division(log):
    found = read_log(log)
    assert (found.benchmark, found.division) == ("dlrm", Division.OPEN)
    assert found.values("eval_accuracy") == (pytest.approx(0.7026), 0.8026)
    assert found.said("seed") == "727"
    assert found.said("no_such_key") is None


def test_other_lines_are_passed_over_and_a_prefix_too(log):
    lines = [f"0: {line}" for line in log.read_text().splitlines()]
    log.write_text("loading\n" + "\n".join(lines) + "\ndone\n")
    assert read_log(log).events[0].line == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":::MLLOG {", r"line 1 is no event"),
        (':::MLLOG {"key": "seed"}', r"line 1 is no event of MLPerf's log: 'time_ms'"),
        (':::MLLOG {"time_ms": 1, "key": 7, "value": 1, "metadata": {}}', "its key, metadata or time cannot be"),
        (':::MLLOG {"time_ms": NaN, "key": "a", "value": 1, "metadata": {}}', "its key, metadata or time cannot be"),
        ("hello", "no line begins with :::MLLOG"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(line, message, tmp_path):
    path = tmp_path / "log"
    path.write_text(line + "\n")
    with pytest.raises(RecordError, match=message):
        read_log(path)


def test_a_benchmark_without_rules_here_is_refused(log):
    changed = events(log)
    next(event for event in changed if event["key"] == "submission_benchmark")["value"] = "resnet"
    with pytest.raises(RecordError, match=r"submission_benchmark must .*, dlrm_dcnv2, bert; found \['resnet'\]"):
        read_log(rewrite(log, changed))


def test_a_log_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*absent: No such file"):
        read_log(tmp_path / "absent")
