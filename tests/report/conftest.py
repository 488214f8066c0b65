from datetime import UTC, datetime
from pathlib import Path

import pytest
from records import make_case, make_record, ok

from pinbench.contract.result import Status
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block
from pinbench.harness.record.store import open_log_directory
from pinbench.harness.record.workload_config import Settings

KPI_SCRIPT = Path(__file__).parents[2] / "workload" / "DLRM-PyTorch-Xeon-Public" / "kpi.sh"


@pytest.fixture
def keep_run(tmp_path):
    """Return a function that leaves a log directory with one iteration for each record; None is a killed one."""

    def keep(*records, case_name="x", root="logs"):
        with open_log_directory(tmp_path / root, case_name, datetime(2025, 1, 2, 12, tzinfo=UTC)) as logs:
            logs.write_configuration(make_case(), Settings(command=("./ctest.sh",)), kpi_script=KPI_SCRIPT)
            for number, record in enumerate(records, start=1):
                iteration = logs.start_iteration(number)
                if record is not None:
                    final, block = conclude(record)
                    iteration.finish(final, format_block(block))
            return logs.path

    return keep


@pytest.fixture
def passed():
    """Return a function that makes the record of a good run with a throughput in samples a second."""
    return lambda per_s=12_800, case=None: make_record(ok(0, step_s=128 / per_s), case=case)


@pytest.fixture
def failed():
    """Return the record of a run that failed."""
    return make_record(status=Status.FAILED, failure="instance 1 died")
