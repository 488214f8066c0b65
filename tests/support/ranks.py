"""Ranks of a training as processes of this host, forks of one that has imported what they need.

A test names a function `module:name` that is called on each rank with its `Group` and the words of the test; what it
returns (data that JSON knows) is the rank's answer.
"""

import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import closing, contextmanager
from pathlib import Path

import torch

from pinbench.base.errors import PinbenchError
from pinbench.worker.training.distributed.backend import Backend, require
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.distributed.meeting import read_meeting

SUPPORT = Path(__file__).parent
SOURCE = SUPPORT.parents[1] / "src"
_LIMIT_S = 240


@contextmanager
def free_port():
    """Keep a port free for a server that sets SO_REUSEADDR: bound here, it is given to nobody else."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


def endings(function, *words, ranks):
    """Return exit code, output and errors of each rank."""
    env = os.environ | {
        "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1", "PYTHONPATH": f"{SOURCE}:{SUPPORT}",
    }  # fmt: skip
    argv = [sys.executable, "-W", "error", __file__, function, *map(str, words)]
    with free_port() as port, tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            argv, env=env | {"MASTER_PORT": str(port), "RANKS_FOLDER": folder}, check=True, timeout=_LIMIT_S,
            start_new_session=True,
        )  # fmt: skip
        files = [Path(folder) / str(rank) for rank in range(ranks)]
        return [(_code(file), *(file.with_suffix(kind).read_text() for kind in (".out", ".err"))) for file in files]


def _code(file: Path) -> int:
    return int(file.with_suffix(".code").read_text())


def answers(function, *words, ranks):
    """Return what `function` returned on each rank; all of them have ended well."""
    ended = endings(function, *words, ranks=ranks)
    assert [code for code, _, _ in ended] == [0] * ranks, "\n".join(errors for _, _, errors in ended)
    return [json.loads(output) for _, output, _ in ended]


def _main(function: str, words: list[str]) -> None:
    """Become the parent of all ranks: what they need is imported once."""
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    folder = Path(os.environ["RANKS_FOLDER"])
    children = [_fork(call, words, folder / str(rank), rank) for rank in range(int(os.environ["WORLD_SIZE"]))]
    for rank, child in enumerate(children):
        _, status = os.waitpid(child, 0)
        (folder / f"{rank}.code").write_text(str(os.waitstatus_to_exitcode(status)))


def _fork(call, words: list[str], file: Path, rank: int) -> int:
    child = os.fork()
    if child:
        return child
    for descriptor, kind in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(file.with_suffix(kind), os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ["RANK"] = str(rank)
    code = 1
    try:
        sys.stdout.write(json.dumps(_answer(call, words)))
        code = 0
    except PinbenchError as error:
        sys.stderr.write(f"{error}\n")
    except Exception:  # noqa: BLE001 - a forked child must not go on as its parent
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _answer(call, words: list[str]):
    torch.set_grad_enabled(False)
    require(Backend.GLOO, "cpu")
    with closing(Group(read_meeting(os.environ), Backend.GLOO, os.sched_getaffinity(0))) as group:
        return call(group, *words)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
