import sys
from pathlib import Path

import pytest
from pip_run import has_begun_changes, pip_environment, run_pip
from setup_error import SetupError


def fake(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_pip_is_quiet_and_its_words_are_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "pip.log"
    run_pip(fake("import sys; print('Collecting', sys.argv[1:])"), ["install", "numpy"], log)
    assert "Collecting ['install', 'numpy']" in log.read_text()
    assert capfd.readouterr() == ("", "")


def test_a_failure_shows_the_last_lines_of_this_run_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "pip.log"
    log.write_text("from an earlier run\n")
    with pytest.raises(SetupError, match=r"pip install failed \(exit code 3\); all that it said is in .*pip\.log"):
        run_pip(fake("import sys; print(*range(100), sep='\\n'); sys.exit(3)"), ["install"], log)
    shown = capsys.readouterr().err.split()
    assert shown == [str(number) for number in range(88, 100)]


def test_whether_packages_were_touched_is_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    log.write_text("Installing collected packages: a\n")
    since = log.stat().st_size
    assert has_begun_changes(log, 0)
    assert not has_begun_changes(log, since)


def test_settings_that_would_install_elsewhere_do_not_reach_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    found = pip_environment()
    assert "PIP_TARGET" not in found
    assert "PYTHONPATH" not in found
    assert found["PIP_INDEX_URL"] == "https://index.example/simple"
