import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
IGNORED = (
    "import os, signal, sys; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 3)]; os.execv(sys.argv[1], sys.argv[1:])"
)
PROBE = """
import signal

def test_signals():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL
"""


def test_tests_that_a_shell_starts_in_the_background_can_be_interrupted(tmp_path):
    (tmp_path / "test_probe.py").write_text(PROBE)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    argv = [*pytest, "--confcutdir", str(ROOT), "-p", "tests.conftest", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-c", IGNORED, *argv], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
