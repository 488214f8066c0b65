import json
import socket
import threading
from collections.abc import Iterator

import pytest

from pinbench.base.errors import LaunchError
from pinbench.contract.gate import Barrier
from pinbench.worker.gate_client import GateClient


@pytest.fixture
def ends() -> Iterator[tuple[GateClient, socket.socket]]:
    parent, child = socket.socketpair()
    client = GateClient(child.detach())
    parent.settimeout(5)
    yield client, parent
    parent.close()
    client.close()


def heard(parent: socket.socket) -> list[dict[str, object]]:
    return [json.loads(line) for line in parent.recv(4096).splitlines()]


def test_each_word_is_a_line_of_the_contract(ends: tuple[GateClient, socket.socket]) -> None:
    client, parent = ends
    client.phase("warm-up")
    client.reached()
    client.error("first\nsecond", 2)
    assert heard(parent) == [
        {"say": "phase", "phase": "warm-up"},
        {"say": "reached"},
        {"say": "error", "message": "first second", "exit_code": 2},
    ]


def test_waiting_announces_itself_and_returns_the_time_to_go_on(ends: tuple[GateClient, socket.socket]) -> None:
    client, parent = ends
    parent.sendall(b'{"say": "open", "barrier": "weights", "at_ns": 1}\n{"say": "open", "barrier": "start", "at_ns"')
    assert client.wait(Barrier.WEIGHTS) == 1
    threading.Timer(0.02, parent.sendall, [b": 42}\n"]).start()
    assert client.wait(Barrier.START) == 42
    assert heard(parent) == [
        {"say": "arrived", "barrier": "weights"},
        {"say": "arrived", "barrier": "start"},
    ]


def test_a_parent_that_is_gone_ends_the_wait_and_every_word(ends: tuple[GateClient, socket.socket]) -> None:
    client, parent = ends
    parent.shutdown(socket.SHUT_WR)
    with pytest.raises(LaunchError, match="the parent process is gone"):
        client.wait(Barrier.START)
    parent.close()
    with pytest.raises(LaunchError, match="the parent process is gone"):
        client.phase("warm-up")


def test_an_error_that_nobody_can_hear_does_not_hide_itself_behind_another(
    ends: tuple[GateClient, socket.socket],
) -> None:
    client, parent = ends
    parent.close()
    client.error("the reason", 1)


def test_the_beat_repeats_the_current_phase(ends: tuple[GateClient, socket.socket]) -> None:
    client, parent = ends
    client.phase("warm-up")
    assert heard(parent) == [{"say": "phase", "phase": "warm-up"}]
    client.beat_every(0.01)
    assert heard(parent)[0] == {"say": "phase", "phase": "warm-up"}
