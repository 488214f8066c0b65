import resource
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import make_case, make_plan, make_record, recorded_runs

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.plan import Plan
from pinbench.contract.result import Status
from pinbench.harness.record.recent import recent
from pinbench.harness.record.schema import read_record
from pinbench.harness.record.store import open_log_directory
from pinbench.harness.record.workload_config import Settings

NOON = datetime(2025, 1, 2, 12, 0, 0, tzinfo=UTC)
KPI_SCRIPT = Path(__file__).parents[2] / "workload" / "dummy" / "kpi.sh"


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def configure(logs, **changes):
    logs.write_configuration(
        make_case(**changes), Settings(command=("./ctest.sh",), git_commit="0123abc+"), kpi_script=KPI_SCRIPT
    )


def test_the_newest_run_has_the_plain_name_and_an_earlier_one_its_own_start(tmp_path):
    for hours in (0, 1, 2):
        with open_log_directory(tmp_path, "x", NOON + timedelta(hours=hours)) as logs:
            (logs.path / "which").write_text(str(hours))
    assert names(tmp_path) == ["0102-120000-logs-x", "0102-130000-logs-x", "logs-x"]
    assert (tmp_path / "logs-x" / "which").read_text() == "2"
    assert (tmp_path / "0102-120000-logs-x" / "which").read_text() == "0"


def test_two_earlier_runs_of_the_same_second_both_stay(tmp_path):
    for _ in range(4):
        open_log_directory(tmp_path, "x", NOON).close()
    assert names(tmp_path) == ["0102-120000-2-logs-x", "0102-120000-3-logs-x", "0102-120000-logs-x", "logs-x"]


def test_a_folder_that_pinbench_did_not_make_is_kept_too(tmp_path):
    (tmp_path / "logs-x").mkdir()
    (tmp_path / "logs-x" / "mine").touch()
    open_log_directory(tmp_path, "x", NOON).close()
    earlier = next(path for path in tmp_path.iterdir() if path.name.endswith("-logs-x"))
    assert names(earlier) == ["mine"]


def test_a_simultaneous_run_of_the_same_case_gets_its_own_folder_and_says_so(tmp_path):
    with (
        open_log_directory(tmp_path, "x", NOON) as first,
        open_log_directory(tmp_path, "x", NOON + timedelta(seconds=5)) as second,
    ):
        assert first.notice is None
        assert first.path.name == "logs-x"
        assert second.path.name == "0102-120005-logs-x"
        assert "in progress" in second.notice


def test_runs_that_start_at_the_same_moment_never_share_a_folder(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_log_directory(tmp_path, "x", NOON), range(4)))
    assert len({logs.path for logs in opened}) == 4
    assert [logs.path.name for logs in opened if logs.notice is None] == ["logs-x"]
    for logs in opened:
        logs.close()


def test_another_case_is_no_simultaneous_run(tmp_path):
    with open_log_directory(tmp_path, "x", NOON), open_log_directory(tmp_path, "y", NOON) as other:
        assert other.path.name == "logs-y"
        assert other.notice is None


def test_recent_runs_are_remembered_under_the_names_they_have_now(tmp_path):
    open_log_directory(tmp_path, "x", NOON).close()
    open_log_directory(tmp_path, "x", NOON + timedelta(hours=1)).close()
    assert [path.name for path in recent(tmp_path)] == ["0102-120000-logs-x", "logs-x"]


def test_a_place_that_cannot_be_written_is_refused_with_its_path(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=f"cannot keep logs: {tmp_path}/file/logs: Not a directory"):
        open_log_directory(tmp_path / "file" / "logs", "x", NOON)


def test_a_disk_without_room_is_refused_before_the_earlier_run_is_touched(tmp_path):
    open_log_directory(tmp_path, "x", NOON).close()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # stands for the full disk: a write fails half-way
    try:
        with pytest.raises(RecordError, match=f"cannot keep logs: {tmp_path}: File too large"):
            open_log_directory(tmp_path, "x", NOON + timedelta(hours=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == ["logs-x"]


def test_a_run_leaves_the_layout_that_wsf_users_know(tmp_path):
    record = recorded_runs()["good"]
    with open_log_directory(tmp_path, "x", NOON) as logs:
        configure(logs, overrides=("BATCH_SIZE",))
        iteration = logs.start_iteration(1)
        iteration.write_plan(record.plan)
        iteration.finish(record, "*Throughput (samples/sec): 1.00\n")
    assert names(logs.path) == ["git-history", "itr-1", "kpi.pyz", "kpi.sh", "test-config.yaml", "workload-config.yaml"]
    assert names(logs.path / "git-history") == ["CHANGED", "HEAD"]
    assert names(logs.path / "itr-1") == ["kpi.sh", "kpi.txt", "plan.json", "record.json", "worker-0-c0"]
    assert names(logs.path / "itr-1" / "worker-0-c0") == ["benchmark_x.log", "status"]
    assert (logs.path / "itr-1" / "kpi.sh").stat().st_mode & 0o111
    assert read_record(logs.path / "itr-1" / "record.json") == record
    assert from_jsonable(Plan, read_json(logs.path / "itr-1" / "plan.json")) == record.plan


def test_no_content_of_changed_files_enters_the_logs_only_their_names(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        logs.write_configuration(
            make_case(),
            Settings(command=(), git_commit="0123abc+"),
            kpi_script=KPI_SCRIPT,
            changed_files=("src/a.py", "secret.env"),
        )
    assert (logs.path / "git-history" / "CHANGED").read_text() == "src/a.py\nsecret.env\n"


def test_a_missing_kpi_script_is_named(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs, pytest.raises(RecordError, match=r"nowhere/kpi\.sh: No such"):
        logs.write_configuration(make_case(), Settings(command=()), kpi_script=Path("nowhere/kpi.sh"))


@pytest.mark.parametrize(("status", "code"), [(Status.PASSED, "0"), (Status.FAILED, "1"), (Status.SKIPPED, "77")])
def test_the_status_file_holds_the_exit_code(tmp_path, status, code):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        iteration = logs.start_iteration(1)
        iteration.finish(make_record(status=status), "text\n")
    assert (iteration.instances_dir / "status").read_text() == f"{code}\n"


def test_an_iteration_that_was_not_finished_has_no_status(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        iteration = logs.start_iteration(1)
        iteration.write_plan(make_plan(make_case()))
    assert not (iteration.instances_dir / "status").exists()


def test_a_status_is_not_written_when_the_record_could_not_be(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        iteration = logs.start_iteration(1)
        (iteration.path / "record.json").mkdir()
        with pytest.raises(RecordError, match=r"record\.json"):
            iteration.finish(make_record(), "text\n")
    assert not (iteration.instances_dir / "status").exists()


def test_the_same_iteration_is_not_started_twice(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        logs.start_iteration(1)
        with pytest.raises(RecordError, match="itr-1: File exists"):
            logs.start_iteration(1)


def test_a_logged_line_is_in_the_benchmark_log_at_once(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        iteration = logs.start_iteration(1)
        iteration.log("region of interest: begin")
        assert iteration.log_path.read_text() == "region of interest: begin\n"


def test_the_benchmark_log_ends_with_the_ends_of_the_instances_logs(tmp_path):
    with open_log_directory(tmp_path, "x", NOON) as logs:
        iteration = logs.start_iteration(1)
        for index, content in enumerate((b"", b"start\n" + b"x" * 70_000 + b"\nlast words \xff\n")):
            folder = iteration.instances_dir / f"instance-{index:03}"
            folder.mkdir()
            (folder / "stderr.log").write_bytes(content)
        iteration.finish(make_record(), "the block\n")
    log = iteration.log_path.read_text()
    assert log.startswith("the block\n==> instance-001/stderr.log (its end) <==\n")
    assert "start" not in log
    assert log.endswith("last words \N{REPLACEMENT CHARACTER}\n")
