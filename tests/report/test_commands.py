"""``pinbench kpi`` and ``pinbench list-kpi`` as a user calls them."""

import json

import pytest
from records import recorded_runs

from pinbench.harness.cli import main


def test_kpi_prints_the_block_of_a_log_directory(keep_run, passed, capsys):
    assert main(["kpi", str(keep_run(passed()))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "*Throughput (samples/sec): 12800.00"


def test_kpi_prints_each_iteration_under_its_name(keep_run, passed, failed, capsys):
    assert main(["kpi", str(keep_run(passed(), failed, None))]) == 1
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("# itr-")] == ["# itr-1", "# itr-2", "# itr-3"]
    assert "# status: failed\n# reason: instance 1 died\n" in out
    assert "# status: incomplete" in out


def test_kpi_of_one_iteration_prints_that_one(keep_run, passed, failed, capsys):
    assert main(["kpi", str(keep_run(failed, passed()) / "itr-2")]) == 0
    assert "# itr-" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["kpi", "list-kpi"])
def test_a_directory_that_does_not_exist_is_a_usage_error(command, capsys):
    assert main([command, "/nowhere"]) == 2
    assert capsys.readouterr().err == "pinbench: no such directory: /nowhere\n"


def test_kpi_of_a_folder_without_iterations_fails_in_one_line(tmp_path, capsys):
    assert main(["kpi", str(tmp_path)]) == 1
    assert "holds no iteration" in capsys.readouterr().err


def test_kpi_of_a_record_that_was_cut_short_fails_in_one_line(keep_run, passed, capsys):
    logs = keep_run(passed())
    (logs / "itr-1" / "record.json").write_text('{"schema": 1, "st')
    assert main(["kpi", str(logs)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_list_kpi_fails_when_an_iteration_failed_or_is_incomplete(keep_run, passed, failed, capsys):
    assert main(["list-kpi", str(keep_run(passed(), root="a"))]) == 0
    assert main(["list-kpi", str(keep_run(passed(), failed, root="b"))]) == 1
    assert main(["list-kpi", str(keep_run(passed(), None, root="c"))]) == 1
    assert "# status: incomplete" in capsys.readouterr().out


def test_list_kpi_shows_the_accuracy_of_each_run_and_its_mean(keep_run, capsys):
    run = recorded_runs()["accuracy"]
    assert main(["list-kpi", "--primary", str(keep_run(run, run, case_name=run.plan.case.name))]) == 0
    out = capsys.readouterr().out
    assert out.count("*Accuracy (%): 80.25 # 100 x ROC AUC, n=12750") == 2
    assert "inference_accuracy_avx_bfloat16(%): 80.25" in out


def test_list_kpi_without_a_directory_says_what_to_do(capsys):
    assert main(["list-kpi"]) == 2
    assert "say --recent" in capsys.readouterr().err


def test_list_kpi_recent_finds_the_runs_of_this_build(tmp_path, keep_run, passed, capsys, monkeypatch):
    keep_run(passed(), case_name="x")
    keep_run(passed(), case_name="y")
    monkeypatch.chdir(tmp_path / "logs")
    assert main(["list-kpi", "--recent", "--primary"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.endswith(":")] == [
        f"{tmp_path}/logs/logs-x/itr-1:",
        f"{tmp_path}/logs/logs-y/itr-1:",
    ]


def test_list_kpi_in_json_can_be_read_by_a_program(keep_run, passed, capsys):
    assert main(["list-kpi", "--format", "json", str(keep_run(passed()))]) == 0
    assert json.loads(capsys.readouterr().out)["summaries"][0]["n"] == 1
