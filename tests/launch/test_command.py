import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pinbench.contract.plan import Instance
from pinbench.harness.launch.command import worker_command

PYTHON = [sys.executable, "-P", "-m", "pinbench.worker.main"]


@pytest.mark.parametrize(
    ("numactl", "store_fd", "expected"),
    [
        (None, None, [*PYTHON, "/run/instance.json", "--gate-fd", "5", "--stop-fd", "6"]),
        (None, 7, [*PYTHON, "/run/instance.json", "--gate-fd", "5", "--stop-fd", "6", "--store-fd", "7"]),
        (
            "/usr/bin/numactl",
            None,
            [
                "/usr/bin/numactl",
                "--membind=0-1",
                "--",
                *PYTHON,
                "/run/instance.json",
                "--gate-fd",
                "5",
                "--stop-fd",
                "6",
            ],
        ),
    ],
)
def test_the_whole_command(
    make_instance: Callable[..., Instance], numactl: str | None, store_fd: int | None, expected: list[str]
) -> None:
    instance = make_instance(memory_nodes=(0, 1))
    orders = Path("/run/instance.json")
    assert worker_command(instance, orders, gate_fd=5, stop_fd=6, store_fd=store_fd, numactl=numactl) == expected
