"""The description of a system: what the host tells, what a user gives, what is left."""

import pytest
from mlperf_logs import write_log
from records import make_case, make_host, make_plan

from pinbench.base.errors import UsageError
from pinbench.contract.mlperf import LOG_FILE
from pinbench.harness.mlperf.log import read_log
from pinbench.harness.mlperf.system import FIELDS, Machine, description, read_given, unknown


@pytest.fixture
def log(tmp_path):
    return read_log(write_log(tmp_path / LOG_FILE, "dlrm"))


MACHINE = Machine(
    facts=make_host(),
    topology=make_plan(make_case(), 4).topology,
    caches="L2 1.0 MiB",
    frequency=None,
    packages={"torch": "2.13.0+cpu", "numpy": "2.4.6"},
)


def test_log_and_host_fill_in_what_they_know(log):
    found = description(log, MACHINE, {})
    assert tuple(found) == FIELDS
    assert len(FIELDS) == 33
    known = {
        "submitter": "example", "division": "open", "status": "Available on-premise", "system_name": "two sockets",
        "host_processor_model_name": "AMD EPYC 9B14", "host_processor_core_count": "4",
        "host_memory_capacity": "24.0 GiB", "framework": "PyTorch 2.13.0+cpu", "accelerators_per_node": "0",
    }  # fmt: skip
    assert {name: found[name] for name in known} == known


def test_what_nobody_knows_is_empty_and_told(log):
    left = unknown(description(log, MACHINE, {"cooling": "air"}))
    assert {"host_processor_frequency", "host_networking"} <= set(left)
    assert not {"cooling", "hw_notes", "host_processor_caches"} & set(left)


def test_what_a_user_gives_wins(log, tmp_path):
    path = tmp_path / "system.yaml"
    path.write_text("system_name: Big One\nhost_networking: 100 GbE\nnumber_of_nodes: 1\n")
    found = description(log, MACHINE, read_given(path))
    assert (found["system_name"], found["host_networking"]) == ("Big One", "100 GbE")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coling: air\n", r"system\.yaml: unknown key 'coling'.*cooling"),
        ("cooling: [air]\n", r"cooling must be a text or a number, got \['air'\]"),
        ("cooling: {\n", r"system\.yaml, line 2"),
    ],
)
def test_a_field_that_is_wrong_is_refused_with_its_place(text, message, tmp_path):
    path = tmp_path / "system.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_given(path)
