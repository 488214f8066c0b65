import os
import socket
from collections.abc import Iterator

import pytest

from pinbench.base.errors import LaunchError
from pinbench.harness.launch.channel import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    channel = Channel()
    child = socket.socket(fileno=os.dup(channel.child_fd))
    channel.release_child_end()
    yield channel, child
    child.close()
    channel.close()


def test_lines_arrive_whole_however_they_were_cut(ends: tuple[Channel, socket.socket]) -> None:
    channel, child = ends
    child.sendall(b'{"say": "reac')
    assert channel.receive() == []
    child.sendall(b'hed"}\n{"say": "phase", "phase": "exit"}\n')
    assert channel.receive() == [{"say": "reached"}, {"say": "phase", "phase": "exit"}]
    assert not channel.is_closed


def test_last_words_are_heard_together_with_the_end(ends: tuple[Channel, socket.socket]) -> None:
    channel, child = ends
    child.sendall(b'{"say": "reached"}\n')
    child.close()
    assert channel.receive() == [{"say": "reached"}]
    assert channel.is_closed
    assert channel.receive() == []


def test_what_is_sent_is_one_line(ends: tuple[Channel, socket.socket]) -> None:
    channel, child = ends
    channel.send({"say": "open", "barrier": "start", "at_ns": 5})
    assert child.recv(100) == b'{"say": "open", "barrier": "start", "at_ns": 5}\n'


def test_a_word_to_the_dead_is_no_error(ends: tuple[Channel, socket.socket]) -> None:
    channel, child = ends
    child.close()
    channel.send({"say": "open"})
    assert channel.receive() == []
    assert channel.is_closed


@pytest.mark.parametrize("line", [b"hello\n", b"[1]\n", b"\xff\n"])
def test_noise_is_refused(ends: tuple[Channel, socket.socket], line: bytes) -> None:
    channel, child = ends
    child.sendall(line)
    with pytest.raises(LaunchError, match="the gate received"):
        channel.receive()
