import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import make_case, make_record, ok

from pinbench.base.errors import UsageError
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._ctest_call import Call, Place
from pinbench.harness.cli._ctest_finish import carry_out
from pinbench.harness.cli._ctest_sweep import make_sweep
from pinbench.harness.cli._ctest_turns import make_rounds
from pinbench.harness.cli._ctest_words import parse_words
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block
from pinbench.harness.record.journal import Line, append
from pinbench.harness.record.store import open_log_directory
from pinbench.harness.record.workload_config import Settings

FOLDER = SOURCE_ROOT / "workload/DLRM-PyTorch-Xeon-Public"
DLRM = load_workload(FOLDER)
CASE = make_case()
TEST = f"test_{CASE.name}"


class FakeCtest:
    """Leaves a run of the next of `rates` (samples/s) for each call, or the exit code that stands there instead."""

    def __init__(self, root: Path):
        self.root, self.rates, self.calls, self.settings, self.hours = root, [], [], [], 0

    def leave_run(self, rate, label="", seed=0):
        self.hours += 1
        case = replace(make_case(seed=seed), overrides=("SEED",) if seed else ())
        record, block = conclude(make_record(ok(0, step_s=128 / rate), case=case))
        now = datetime(2025, 1, 2, tzinfo=UTC) + timedelta(hours=self.hours)
        with open_log_directory(self.root, CASE.name, now, label) as logs:
            logs.write_configuration(case, Settings(command=()), kpi_script=FOLDER / "kpi.sh")
            logs.start_iteration(1).finish(record, format_block(block))
        return logs.path

    def run_jobs(self, orders, say):
        return [self.run(order) for order in orders]

    def run(self, order):
        label = order.env.get("PINBENCH_LABEL", "")
        self.calls.append((label, order.argv[-1]))
        self.settings.append(order.env.get("PINBENCH_SET"))
        outcome = self.rates.pop(0) if self.rates else 100.0
        if isinstance(outcome, int):
            if outcome < 128:
                append(Path(order.env["PINBENCH_JOURNAL"]), Line(turn=label, case=TEST, code=1))
            return outcome
        settings = dict(text.split("=") for text in json.loads(order.env.get("PINBENCH_SET", "[]")))
        logs = self.leave_run(outcome, label, int(settings.get("SEED", 0)))
        append(Path(order.env["PINBENCH_JOURNAL"]), Line(turn=label, case=TEST, code=0, logs=str(logs)))
        return 0


@pytest.fixture
def ctest(tmp_path, monkeypatch):
    fake = FakeCtest(tmp_path)
    monkeypatch.setattr("pinbench.harness.cli._ctest_drive.run_jobs", fake.run_jobs)
    return fake


def carry(tmp_path, *argv):
    """Carry out a call of ctest.sh on one case; the ctest that lists the cases lists this one."""
    lister = tmp_path / "ctest"
    lister.write_text("#!/bin/sh\necho '" + json.dumps({"tests": [{"name": "other"}, {"name": TEST}]}) + "'\n")
    lister.chmod(0o755)
    words = parse_words(["-R", TEST, *argv])
    place = Place(
        door="./ctest.sh", build=tmp_path, ctest=str(lister), workloads=(DLRM,),
        platform=load_platforms().resolve("SPR"), environment={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    if words.sweep:
        rounds = make_sweep(words, [DLRM], place.platform, {}).rounds(words.runs or 1)
    else:
        rounds = make_rounds([], words.until.most if words.until else words.loops, words.burst)
    return carry_out(Call(place=place, words=words, typed=(), cases=(TEST,), rounds=rounds))


def test_the_first_failure_ends_the_loops_and_the_rest_is_counted(tmp_path, ctest, capsys):
    ctest.rates = [100.0, 8]
    assert carry(tmp_path, "--loop", "4") == 8
    assert [label for label, _ in ctest.calls] == ["l1", "l2"]
    out = capsys.readouterr().out
    assert f"failed: {TEST} in l2: no logs" in out
    assert "2 turns, 2 runs of cases: 1 passed, 1 failed, 0 skipped; 2 of 4 turns did not run" in out


def test_with_continue_all_loops_run_and_the_exit_code_tells_of_the_failure(tmp_path, ctest):
    ctest.rates = [100.0, 8, 100.0]
    assert carry(tmp_path, "--loop", "3", "--continue") == 8
    assert len(ctest.calls) == 3


def test_a_failed_member_of_a_burst_fails_the_burst_whichever_ends_last(tmp_path, ctest):
    ctest.rates = [8, 100.0]
    assert carry(tmp_path, "--burst", "2") == 8
    assert (tmp_path / ".burst/2/CTestTestfile.cmake").read_text() == f'subdirs("{tmp_path}")\n'


def test_what_failed_in_any_turn_is_what_ctest_would_rerun(tmp_path, ctest):
    ctest.rates = [8, 100.0]
    carry(tmp_path, "--loop", "2", "--continue")
    assert (tmp_path / "Testing/Temporary/LastTestsFailed.log").read_text() == f"2:{TEST}\n"


def test_a_signal_ends_all_even_with_continue(tmp_path, ctest, capsys):
    ctest.rates = [100.0, 130]
    assert carry(tmp_path, "--loop", "3", "--continue") == 130
    assert "interrupted in l2; 1 of 3 turns did not run" in capsys.readouterr().out


def test_resume_runs_what_was_interrupted_or_failed_and_nothing_else(tmp_path, ctest, capsys):
    ctest.rates = [100.0, 8, 130]
    carry(tmp_path, "--loop", "4", "--continue")
    ctest.calls.clear()
    assert carry(tmp_path, "--loop", "4", "--resume") == 0
    assert [label for label, _ in ctest.calls] == ["l2", "l3", "l4"]
    assert "l1: done before" in capsys.readouterr().out
    ctest.calls.clear()
    assert carry(tmp_path, "--loop", "4", "--resume") == 0
    assert ctest.calls == []


def test_there_must_be_something_to_resume(tmp_path, ctest):
    carry(tmp_path, "--loop", "2")
    with pytest.raises(UsageError, match="no earlier call asked for the same"):
        carry(tmp_path, "--loop", "3", "--resume")


def test_until_ends_as_soon_as_the_runs_are_near_enough(tmp_path, ctest, capsys):
    ctest.rates = [100.0, 120.0, 101.0, 102.0]
    assert carry(tmp_path, "--until", "cv=10%,min=2,max=9") == 0
    assert len(ctest.calls) == 4  # 100 and 120: 12.9 %; with 101: 10.5 %; with 102: 9.0 %
    assert f"# {TEST}: cv 9.0" in capsys.readouterr().out


def test_until_says_and_returns_that_it_was_not_reached(tmp_path, ctest, capsys):
    ctest.rates = [100.0, 150.0, 100.0]
    assert carry(tmp_path, "--until", "cv=2%,max=3") == 1
    assert "of 3 runs, not within 2%" in capsys.readouterr().out


def test_a_case_that_failed_is_not_run_until_anything(tmp_path, ctest):
    ctest.rates = [8]
    assert carry(tmp_path, "--until", "cv=2%", "--continue") == 8
    assert len(ctest.calls) == 1


def test_a_sweep_runs_all_points_names_the_best_and_repeats_it(tmp_path, ctest, capsys):
    ctest.leave_run(999.0)  # of somebody's earlier work
    ctest.rates = [100.0, 200.0, 120.0, 210.0, 190.0]
    assert carry(tmp_path, "--sweep", "SEED=1,2", "--run", "2", "--repeat-best", "1") == 0
    assert [label for label, _ in ctest.calls] == ["r1p1", "r1p2", "r2p1", "r2p2", "best1x1"]
    assert ctest.settings[-1] == '["SEED=2"]'
    sweep, again = capsys.readouterr().out.split("# the best points once more")
    rows = [line.split()[:4] for line in sweep.splitlines() if line.strip()[:1].isdecimal()]
    assert rows == [["2", "2", "0", "205.00"], ["1", "2", "0", "110.00"]]
    assert "190.00" in again


def test_a_sweep_goes_on_after_a_failed_point(tmp_path, ctest, capsys):
    ctest.rates = [8, 100.0]
    assert carry(tmp_path, "--sweep", "SEED=1,2") == 8
    assert len(ctest.calls) == 2


def test_a_sweep_is_resumed_where_it_was_interrupted(tmp_path, ctest, capsys):
    ctest.rates = [100.0, 130]
    assert carry(tmp_path, "--sweep", "SEED=1,2,3") == 130
    ctest.rates = [300.0, 200.0]
    assert carry(tmp_path, "--sweep", "SEED=1,2,3", "--resume") == 0
    assert [label for label, _ in ctest.calls] == ["r1p1", "r1p2", "r1p2", "r1p3"]
    assert "best: SEED=2" in capsys.readouterr().out


def test_worse_than_the_baseline_is_exit_code_1_and_the_baseline_is_read_before_it_is_renamed(tmp_path, ctest, capsys):
    old = FakeCtest(tmp_path / "old")
    for number in range(6):
        old.leave_run(100.0 + number, label=f"l{number}")
    ctest.rates = [80.0 + number for number in range(6)]
    assert carry(tmp_path, "--loop", "6", "--compare", str(tmp_path / "old")) == 1
    assert "slower" in capsys.readouterr().out
    newest = ctest.leave_run(100.0)
    ctest.rates = [100.0]
    assert carry(tmp_path, "--compare", str(newest)) == 0
    assert " 1 / 1 " in capsys.readouterr().out


def test_a_baseline_of_other_cases_is_refused_before_anything_runs(tmp_path, ctest):
    (tmp_path / "old/itr-1").mkdir(parents=True)
    with pytest.raises(UsageError, match="has numbers of nothing that passed"):
        carry(tmp_path, "--compare", str(tmp_path / "old"))
    assert ctest.calls == []
