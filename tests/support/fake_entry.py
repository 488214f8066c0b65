"""The real entry of an image as a process, where a stand-in for an engine is to run a container."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_STUCK = """
trap "" TERM
mkdir -p "$PINBENCH_STATE/logs/logs-x" && echo half >"$PINBENCH_STATE/logs/logs-x/half"
echo measuring >"$PINBENCH_STATE/benchmark.log"
mkfifo "$PINBENCH_STATE/export-logs"
while :; do sleep 0.1; done
"""


def start_entry(
    mode: str, words: Sequence[str], *, state: Path, variables: Mapping[str, str], python: str, out: Path,
    keeper: Sequence[str] = (),
) -> subprocess.Popen[bytes]:  # fmt: skip
    """Start the entry with `words`, in a session of its own, what it writes in `out`; `keeper` runs it.

    `mode`: "dead" ends at once as for want of memory, "stuck" exports nothing and obeys nobody.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    own = {"PINBENCH_PYTHON": python, "PINBENCH_STATE": str(state), "PINBENCH_WORKLOAD": "dummy"}
    command = {"dead": ["sh", "-c", "echo killed; exit 137"], "stuck": ["sh", "-c", _STUCK]}.get(
        mode, [str(ROOT / "script/image/entry"), *words]
    )
    with out.open("wb") as file:
        process = subprocess.Popen(
            [*keeper, *command], env={**kept, **variables, **own}, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    while mode == "stuck" and not (state / "export-logs").exists():
        time.sleep(0.01)
    return process
