"""kpi.sh in a log directory, run as a user would on another machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHELLS = ("bash", "sh")


def kpi_sh(script, *arguments, shell="sh", cwd="/", path=None, python_path=""):
    environment = {"PATH": path or f"{Path(sys.executable).parent}:{os.defpath}", "PYTHONPATH": python_path}
    argv = [shell, str(script), *map(str, arguments)]
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def elsewhere(tmp_path, keep_run, passed):
    return shutil.copytree(keep_run(passed()), tmp_path / "copied 'here' $(touch x)")


@pytest.fixture
def old_tools(tmp_path):
    """Return a function that makes a PATH with the usual tools and the given python3, if any."""

    def tools(python=None):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "dirname", "cat", "grep"):
            (folder / name).symlink_to(shutil.which(name))
        if python is not None:
            (folder / "python3").write_text(python)
            (folder / "python3").chmod(0o755)
        return str(folder)

    return tools


@pytest.mark.parametrize("shell", SHELLS)
def test_a_copied_log_directory_explains_itself(elsewhere, shell):
    done = kpi_sh(elsewhere / "kpi.sh", shell=shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (elsewhere / "itr-1" / "kpi.txt").read_text()


def test_an_iteration_s_own_script_finds_the_bundle_beside_it(elsewhere):
    done = kpi_sh("./kpi.sh", cwd=elsewhere / "itr-1")
    assert done.stdout.endswith("*Throughput (samples/sec): 12800.00\n")


def test_the_workload_s_script_reads_the_directory_that_it_is_given(elsewhere):
    script = Path(__file__).parents[2] / "workload" / "dummy" / "kpi.sh"
    assert kpi_sh(script, elsewhere / "itr-1").returncode == 0


def test_the_numbers_are_judged_anew_not_repeated(elsewhere):
    (elsewhere / "itr-1" / "kpi.txt").write_text("*Throughput (samples/sec): 1.00\n")
    assert kpi_sh(elsewhere / "kpi.sh").stdout.splitlines()[-1] == "*Throughput (samples/sec): 12800.00"


def test_nothing_on_pythonpath_changes_what_the_numbers_mean(elsewhere, tmp_path):
    (tmp_path / "bisect.py").write_text("raise SystemExit('not the bisect of the standard library')\n")
    done = kpi_sh(elsewhere / "kpi.sh", python_path=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_failed_run_has_another_exit_code(keep_run, failed):
    done = kpi_sh(keep_run(failed) / "kpi.sh")
    assert done.returncode == 1
    assert "# reason: instance 1 died" in done.stdout


@pytest.mark.parametrize("python", [None, "#!/bin/sh\nexit 1\n"])
def test_without_a_python_of_today_the_stored_text_is_printed_and_said_so(elsewhere, old_tools, python):
    done = kpi_sh(elsewhere / "kpi.sh", path=old_tools(python), shell=shutil.which("sh"))
    first, _, rest = done.stdout.partition("\n")
    assert done.returncode == 0
    assert first.startswith("# python3 is ")
    assert first.endswith("this is the text that the run stored, not judged anew")
    assert rest == (elsewhere / "itr-1" / "kpi.txt").read_text()


def test_without_a_bundle_the_stored_text_is_printed(elsewhere):
    (elsewhere / "kpi.pyz").unlink()
    done = kpi_sh(elsewhere / "kpi.sh")
    assert done.returncode == 0
    assert done.stdout.startswith("# kpi.pyz is missing")


def test_the_stored_text_of_a_failed_or_killed_iteration_is_no_success(keep_run, passed, failed, old_tools):
    path = old_tools()
    assert kpi_sh(keep_run(passed(), failed, root="a") / "kpi.sh", path=path, shell=shutil.which("sh")).returncode == 1
    done = kpi_sh(keep_run(passed(), None, root="b") / "kpi.sh", path=path, shell=shutil.which("sh"))
    assert done.returncode == 1
    assert "# itr-2\n# status: incomplete" in done.stdout


def test_a_run_without_any_iteration_fails_either_way(keep_run, old_tools):
    logs = keep_run()
    assert kpi_sh(logs / "kpi.sh").returncode == 1
    done = kpi_sh(logs / "kpi.sh", path=old_tools(), shell=shutil.which("sh"))
    assert done.returncode == 1
    assert "did not come that far" in done.stderr
