"""What a run takes from the image that it is in: the commit that this was made from, and the bill of what is inside."""

from datetime import UTC, datetime

from documents import ROOT

from pinbench.base.errors import LaunchError
from pinbench.harness.cli import main, run
from pinbench.harness.launch.process import ToolResult
from pinbench.harness.record.store import open_log_directory


def _without_git(*args: object, **kwargs: object) -> ToolResult:
    raise LaunchError("cannot run git: No such file or directory")


def _outside_of_a_repository(*args: object, **kwargs: object) -> ToolResult:
    return ToolResult(returncode=128, stdout="", stderr="fatal: not a git repository")


def test_the_commit_is_the_images_where_there_is_no_history(monkeypatch):
    for git in (_without_git, _outside_of_a_repository):
        monkeypatch.setattr(run, "run_tool", git)
        assert run._git_state({"PINBENCH_REVISION": "abc+"}) == ("abc+", None, ())
        assert run._git_state({"PINBENCH_REVISION": ""}) == (None, None, ())
        assert run._git_state({}) == (None, None, ())


def test_a_checkout_is_its_own_witness(monkeypatch):
    answers = iter(("0123\n", "main\n", " M file\n"))
    monkeypatch.setattr(run, "run_tool", lambda *a, **k: ToolResult(returncode=0, stdout=next(answers), stderr=""))
    assert run._git_state({"PINBENCH_REVISION": "abc"}) == ("0123", "main", ("file",))


def test_a_run_keeps_the_bill_of_its_image(tmp_path, monkeypatch):
    (tmp_path / "sbom.cdx.json").write_text("{}\n")
    monkeypatch.setattr(run, "_BILL", tmp_path / "sbom.cdx.json")
    words = ["--workload", str(ROOT / "workload" / "dummy"), "--case", "test_dummy_throughput_gated"]
    quick = ["--set", "INSTANCE_NUMBER=1", "--set", "MIN_DURATION=0", "--set", "STEPS=1"]
    assert main(["run", *words, *quick, "--logs-root", str(tmp_path / "logs")]) == 0
    assert (tmp_path / "logs" / "logs-dummy_throughput_gated" / "sbom.cdx.json").read_text() == "{}\n"


def test_the_bill_is_kept_where_there_is_one(tmp_path):
    with open_log_directory(tmp_path / "logs", "case", datetime.now(UTC)) as logs:
        logs.keep(tmp_path / "sbom.cdx.json")
        assert not (logs.path / "sbom.cdx.json").exists()
        (tmp_path / "sbom.cdx.json").write_text("{}\n")
        logs.keep(tmp_path / "sbom.cdx.json")
        assert (logs.path / "sbom.cdx.json").read_text() == "{}\n"
