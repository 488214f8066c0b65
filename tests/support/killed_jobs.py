"""Data jobs in a process of their own that is killed at a moment: when a stage has come so far, and a little later.

A moment of parse, ids, rows, shuffle and draw is a step of its progress; one of digest a chunk; one of move a file that
gets its name. As a program this is that process.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from pinbench.base.jsonio import from_jsonable, to_jsonable
from pinbench.contract import data as contract
from pinbench.worker.data.criteo import manifest
from pinbench.worker.data.criteo.progress import Progress, Stage

ROOT = Path(__file__).parents[2]
KINDS = {"prepare": contract.PrepareJob, "synthesize": contract.SynthesizeJob}


def moments_of(function, job):
    """Do `job` to its end; return how many moments each stage had."""
    done = _run(function, job)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kill(function, job, stage, number, later_s):
    """Do `job` until it is killed (SIGKILL), `later_s` after moment `number`, from 0, of `stage`."""
    done = _run(function, job, stage, str(number), str(later_s))
    assert done.returncode == -signal.SIGKILL, (stage, number, done.stdout, done.stderr)


def _run(function, job, *moment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, __file__, function, json.dumps(to_jsonable(job)), *moment]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class _Moments:
    """Counts them, and lets this process be killed at the wanted one."""

    def __init__(self, stage="", number="0", later_s="0"):
        self._wanted, self._later_s = (stage, int(number)), float(later_s)
        self.counts = Counter()
        self._lock = threading.Lock()

    def come(self, stage):
        with self._lock:
            number = self.counts[stage]
            self.counts[stage] += 1
        if (stage, number) != self._wanted:
            return
        if stage in ("digest", "move"):  # short: a little later all would be done
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=self._kill).start()

    def _kill(self):
        time.sleep(self._later_s)
        os.kill(os.getpid(), signal.SIGKILL)


def _main(function, job, *moment):
    moments = _Moments(*moment)
    advance, read, replace = Stage.advance, manifest._read, os.replace

    def note_advance(stage, *arguments):
        moments.come(stage.name)
        advance(stage, *arguments)

    def note_read(*arguments):
        moments.come("digest")
        return read(*arguments)

    def note_replace(source, target):
        if not Path(target).parent.name.startswith(".") and ".preparing" not in str(target):
            moments.come("move")
        replace(source, target)

    Stage.advance, manifest._read, os.replace = note_advance, note_read, note_replace
    work = getattr(importlib.import_module(f"pinbench.worker.data.criteo.{function}"), function)
    work(from_jsonable(KINDS[function], json.loads(job)), Progress(say=lambda line: None))
    sys.stdout.write(json.dumps(moments.counts))


if __name__ == "__main__":
    _main(*sys.argv[1:])
