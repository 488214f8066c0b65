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


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("kpi.csv", b"path,case,"), ("kpi.json", b"{"), ("kpi.md", b"## Statistics"), ("kpi.html", b"<!DOCTYPE html>"),
        ("kpi.xlsx", b"PK"), ("kpi.xml", b"<testsuites"), ("kpi.prom", b"# TYPE pinbench_"), ("kpi.txt", b"/"),
    ],
)  # fmt: skip
def test_list_kpi_writes_a_file_in_the_format_of_its_ending(tmp_path, keep_run, passed, capsys, name, start):
    assert main(["list-kpi", "--file", str(tmp_path / name), str(keep_run(passed()))]) == 0
    assert (tmp_path / name).read_bytes().startswith(start)
    assert capsys.readouterr().out == ""


def test_list_kpi_refuses_a_file_whose_format_it_cannot_tell(tmp_path, keep_run, passed, capsys):
    logs = str(keep_run(passed()))
    assert main(["list-kpi", "--file", str(tmp_path / "kpi.doc"), logs]) == 2
    assert "no format has this ending; say --format, or use one of .csv" in capsys.readouterr().err
    assert main(["list-kpi", "--file", str(tmp_path / "kpi"), logs]) == 2
    assert main(["list-kpi", "--format", "mlperf", "--file", str(tmp_path / "kpi"), logs]) == 0
    assert main(["list-kpi", "--file", str(tmp_path / "none" / "kpi.csv"), logs]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_list_kpi_does_not_pour_a_workbook_into_a_terminal(keep_run, passed, capsys):
    assert main(["list-kpi", "--format", "xlsx", str(keep_run(passed()))]) == 2
    assert "name a file for it by --file" in capsys.readouterr().err


def test_list_kpi_shows_machine_and_software_on_request(keep_run, passed, capsys):
    assert main(["list-kpi", "--sutinfo", str(keep_run(passed()))]) == 0
    out = capsys.readouterr().out
    assert "\n#sutinfo- CPU_MODEL: AMD EPYC 9B14\n" in out
    assert "\n#sutinfo- PACKAGES: torch=2.13.0+cpu numpy=2.4.0\n" in out
    assert "\n#sutinfo- CPUS: 1\n" in out
    assert "GOVERNOR" not in out, "the kernel did not say"


def test_list_kpi_holds_runs_against_others(keep_run, passed, capsys):
    base = keep_run(*(passed(rate) for rate in (100, 101, 102, 103, 104)), root="base")
    new = keep_run(*(passed(rate) for rate in (80, 81, 82, 83, 84)), root="new")
    assert main(["list-kpi", "--primary", str(new), "--compare", str(base)]) == 1
    assert "  slower\n" in capsys.readouterr().out
    assert main(["list-kpi", "--primary", str(new), "--compare", str(base), "--fail-on", "never"]) == 0
    capsys.readouterr()
    assert main(["list-kpi", "--format", "json", str(base), "--compare", str(new)]) == 0
    assert json.loads(capsys.readouterr().out)["comparison"]["lines"][0]["verdict"] == "better"


def test_list_kpi_names_the_iteration_that_lies_apart(keep_run, passed, capsys):
    logs = keep_run(*(passed(rate) for rate in (100, 101, 99, 102, 98, 400)))
    assert main(["list-kpi", "--primary", str(logs)]) == 0
    out = capsys.readouterr().out
    assert f"\n# outlier: {logs}/itr-6\n" in out
    assert "\ncv *Throughput (%): 81.6" in out


def test_list_kpi_handles_large_numbers_and_an_even_count(keep_run, passed, capsys):
    assert main(["list-kpi", "--primary", str(keep_run(passed(1.25e6), passed(640_000)))]) == 0
    out = capsys.readouterr().out
    assert "\n*Throughput (samples/sec): 1250000.00\n" in out
    assert "\nmed *Throughput (samples/sec): 945000.00\n" in out
