import pytest
from listings import leave_run
from records import make_record, ok

from pinbench.contract.result import Status


@pytest.fixture
def keep_run(tmp_path):
    """Return a function that leaves a log directory with one iteration for each record; None is a killed one."""
    return lambda *records, case_name="x", root="logs": leave_run(tmp_path / root, *records, case_name=case_name)


@pytest.fixture
def passed():
    """Return a function that makes the record of a good run with a throughput in samples a second."""
    return lambda per_s=12_800, case=None: make_record(ok(0, step_s=128 / per_s), case=case)


@pytest.fixture
def failed():
    """Return the record of a run that failed."""
    return make_record(status=Status.FAILED, failure="instance 1 died")
