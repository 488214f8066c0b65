"""A rank that ends, or never comes, ends the training of all others soon, and they say which one it was."""

import os
import time

import pytest
from ranks import endings, free_port

from pinbench.base.errors import HostError, LaunchError, UsageError
from pinbench.worker.training.distributed import backend, group, life
from pinbench.worker.training.distributed.meeting import Meeting, read_meeting

MEETING = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}


def test_a_rank_that_is_killed_is_named_by_all_others(tmp_path):
    begin = time.monotonic()
    first, second, third = endings("sharded_trainings:ends", "killed 1", tmp_path, ranks=3)
    assert second[0] == -9
    for code, _, errors in (first, third):
        assert code == 1
        assert errors.splitlines()[-1].startswith("rank 1 (")
        assert "has ended or lost the connection" in errors
    assert time.monotonic() - begin < 60  # most of it is the start of three interpreters


def test_the_rank_that_keeps_the_store_is_named_too(tmp_path):
    found = endings("sharded_trainings:ends", "killed 0", tmp_path, ranks=2)
    assert [code for code, _, _ in found] == [-9, 1]
    assert found[1][2].splitlines()[-1].startswith("rank 0 (")


def test_the_reason_of_a_rank_is_told_by_all_others(tmp_path):
    first, second = endings("sharded_trainings:ends", "reason", tmp_path, ranks=2)
    assert second[2].splitlines()[-1] == "the label of training row 7 is 3"
    assert first[0] == 1
    assert first[2].splitlines()[-1].endswith("): the label of training row 7 is 3")
    assert first[2].splitlines()[-1].startswith("rank 1 (")


def test_ranks_that_were_told_different_things_are_refused():
    for code, _, errors in endings("sharded_trainings:differs", ranks=3):
        assert code == 1
        assert "SEED is 0 on rank 0 and 1 on rank 2; start all of them with the same parameters" in errors


def test_a_rank_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(group, "MEETING_S", 1.0)
    with free_port() as port, pytest.raises(LaunchError, match="rank 1 of 2 has not come within 1 s"):
        group.Group(
            Meeting(address="127.0.0.1", port=port, rank=0, ranks=2), backend.Backend.GLOO, os.sched_getaffinity(0)
        )


def test_a_store_that_cannot_be_reached_is_named(monkeypatch):
    monkeypatch.setattr(group, "MEETING_S", 1.0)
    with free_port() as port, pytest.raises(LaunchError, match=f"rank 1 cannot reach MASTER_ADDR=.*={port}: .*"):
        group.Group(
            Meeting(address="127.0.0.1", port=port, rank=1, ranks=2), backend.Backend.GLOO, os.sched_getaffinity(0)
        )


def test_a_meeting_is_read_from_what_torchrun_sets():
    assert read_meeting(MEETING) == Meeting(address="10.0.0.1", port=29500, rank=1, ranks=2)
    agent = {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "3"}
    assert read_meeting(MEETING | agent) == Meeting(
        address="10.0.0.1", port=29500, rank=1, ranks=2, is_hosted=True, attempt=3
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MASTER_ADDR": ""}, "MASTER_ADDR is not set: .* DISTRIBUTED=True"),
        ({"RANK": "2"}, "RANK=2 is not below WORLD_SIZE=2"),
        ({"RANK": "-1"}, "RANK='-1' is not a whole number of 0 or more"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE='0' is not a whole number of 1 or more"),
        ({"MASTER_PORT": "70000"}, "MASTER_PORT=70000 is no port"),
    ],
)
def test_a_meeting_that_is_none_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        read_meeting(MEETING | change)


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("ccl", "cpu", "DIST_BACKEND=ccl needs oneccl_bindings_for_pytorch .*; install .* or choose gloo"),
        ("ccl", "cuda", "DIST_BACKEND=ccl exchanges tensors on the CPU only, and this trains on cuda; choose nccl"),
        (
            "nccl",
            "cpu",
            "DIST_BACKEND=nccl exchanges tensors on CUDA devices only, and this trains on cpu; choose gloo",
        ),
        ("gloo", "cuda:1", "DIST_BACKEND=gloo exchanges tensors on the CPU only.*choose nccl"),
    ],
)
def test_a_backend_that_is_not_there_is_refused_with_the_way_out(name, device, message):
    backend.require(backend.Backend.GLOO, "cpu")
    with pytest.raises(HostError, match=message):
        backend.require(backend.Backend(name), device)


class FakeStore(dict):
    def add(self, key, amount):
        self[key] = self.get(key, 0) + amount
        return self[key]

    def compare_set(self, key, expected, desired):
        return self.setdefault(key, desired.encode())

    def check(self, keys):
        return all(key in self for key in keys)


def test_a_rank_is_given_up_when_its_beats_stay_away_and_not_before(monkeypatch):
    monkeypatch.setattr(life, "_GRACE_S", 0.0)
    now, store = [0.0], FakeStore()
    watch = life.Life(store, 0, ["rank 0 (a)", "rank 1 (b)", "rank 2 (c)"], "rank 0 (a)", clock=lambda: now[0])
    for second in range(1, 31):
        now[0] = second
        store.add("beat/2", 1)
        watch._look()
        watch.require()
    now[0] = 30.5
    with pytest.raises(LaunchError, match=r"^rank 1 \(b\) has ended or lost the connection: no sign of life$"):
        watch.require()
    assert store["fault"] == b"rank 1 (b) has ended or lost the connection: no sign of life"
