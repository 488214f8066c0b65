"""The port that the ranks of a host meet at."""

import socket

import pytest

from pinbench.harness.launch.meeting_port import meeting_environment

RANK = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}


def test_the_port_is_free_for_the_ranks_and_for_nobody_else(make_instance):
    with meeting_environment([make_instance(env=RANK)]) as told:
        address = ("127.0.0.1", int(told["MASTER_PORT"]))
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address)
        with socket.socket() as rank:
            rank.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            rank.bind(address)
            rank.listen()
            with socket.create_connection(address, timeout=10):
                pass


def test_ranks_of_several_hosts_have_one_and_other_instances_need_none(make_instance):
    for env in ({}, RANK | {"MASTER_PORT": "29500"}):
        with meeting_environment([make_instance(env=env)]) as told:
            assert told == {}
