"""A side of a comparison in a process of its own: its start, what it says of itself first, and how it is asked.

What a side is told (`Work`, with `cpus`) and says (`Ready`, with `skipped`: why it takes no part) are dataclasses of
the comparison. Then it answers each line of its stdin with one.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pinbench.base.errors import PinbenchError
from pinbench.base.jsonio import from_jsonable, to_jsonable

_HERE = Path(__file__).resolve().parent


class SideProcess:
    """A side as its comparison sees it."""

    def __init__(self, module: str, work: Any, python: str, pass_fds: Sequence[int] = ()) -> None:
        """Start `module` under the interpreter `python`."""
        path = os.pathsep.join((str(_HERE.parent / "src"), str(_HERE)))
        self._process = subprocess.Popen(
            [python, "-m", module, json.dumps(asdict(work))],
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": str(len(work.cpus))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=tuple(pass_fds),
        )

    def read_ready(self, kind: Callable[..., Any]) -> Any:
        """Wait until it is prepared and return what it says, a `kind`; one that died takes no part."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        said = from_jsonable(kind, json.loads(line)) if line else None
        return said or kind(skipped=f"ended with {self._process.wait()}; what it said is above")

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()

    def end(self) -> None:
        self._process.communicate()


def serve(
    description: str | None,
    work_of: Callable[..., Any],
    ready_of: Callable[..., Any],
    prepare: Callable[[Any], tuple[Any, Callable[[str], str]]],
) -> None:
    """Be a side: `prepare` makes of its work what it says, and what answers a line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("work", help="what it is told, as JSON")
    words = json.loads(parser.parse_args().work)
    work = work_of(**{**words, "cpus": tuple(words["cpus"])})
    os.sched_setaffinity(0, work.cpus)
    torch.set_grad_enabled(False)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that talk on stdout talk beside the protocol
    try:
        ready, answer = prepare(work)
    except PinbenchError as error:
        print(json.dumps(to_jsonable(ready_of(skipped=str(error)))), file=answers, flush=True)
        return
    print(json.dumps(to_jsonable(ready)), file=answers, flush=True)
    for line in sys.stdin:
        print(answer(line), file=answers, flush=True)
