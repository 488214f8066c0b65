"""A listing with a bit of everything; run as a program, writes the files of tests/data/listing anew."""

import os
import re
import tempfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from records import DATA, make_case, make_record, ok

from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.contract.result import Record, Status
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block
from pinbench.harness.record.store import open_log_directory
from pinbench.harness.record.workload_config import Settings
from pinbench.harness.report import format as formats
from pinbench.harness.report.compare import Demand, compare
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.listing import Listing

GOLDEN = DATA / "listing"
FORMATS = plugin_names(formats)
KPI_SCRIPT = Path(__file__).parents[2] / "workload" / "kpi.sh"

_LOOKS = re.compile(r"(<style>|<script>|sha256-)(?:(?<=>).*?(?=</style>|</script>)|[\w+/=]+)", re.DOTALL)
_DEMAND = Demand(threshold=0.01, confidence=0.98)


def leave_run(root: Path, *records: Record | None, case_name: str = "x") -> Path:
    """Leave a log directory with one iteration for each record; None is a killed one."""
    with open_log_directory(root, case_name, datetime(2025, 1, 2, 12, tzinfo=UTC)) as logs:
        logs.write_configuration(make_case(), Settings(command=("./ctest.sh",)), kpi_script=KPI_SCRIPT)
        for number, record in enumerate(records, start=1):
            iteration = logs.start_iteration(number)
            if record is not None:
                final, block = conclude(record)
                iteration.finish(final, format_block(block))
        return logs.path


def rate(per_s: float, minute: int = 4, seed: int = 0) -> Record:
    """Return the record of a run with this throughput in samples a second."""
    record = make_record(ok(0, step_s=128 / per_s), case=make_case(seed=seed))
    return replace(record, started_at=f"2025-01-02T03:{minute:02}:05.678+00:00")


def make_listing(*, with_comparison: bool = True) -> Listing:
    """Return a listing of runs in ``logs`` and ``base`` of the current folder, which it makes."""
    here = Path()
    died = make_record(status=Status.FAILED, failure='instance 1 said "<no>" & died')
    values = (1_250_000.0, 1_250_100.0, 1_250_200.0, 1_250_300.0, 1_250_400.0, 640_000.0)
    leave_run(here / "logs", *(rate(value, 10 + place) for place, value in enumerate(values)), died, None)
    leave_run(here / "logs", rate(6_400, 30, seed=1), case_name="y")
    leave_run(here / "base", *(rate(1_600_000.0 + value, 40 + place) for place, value in enumerate(range(5))))
    entries = read_entries([here / "logs"])
    return Listing(
        entries=entries,
        primary_only=True,
        comparison=compare(read_entries([here / "base"]), entries, _DEMAND) if with_comparison else None,
    )


def as_text(content: str | bytes) -> str:
    """Return a file as text: of a package the names and contents of its parts, of a page all but how it looks."""
    if isinstance(content, str):
        return _LOOKS.sub(r"\1", content)
    with zipfile.ZipFile(BytesIO(content)) as package:
        return "".join(f"==> {name}\n{package.read(name).decode()}\n" for name in package.namelist())


def main() -> None:
    """Write the files."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        listing = make_listing()
        for name in FORMATS:
            (GOLDEN / f"{name}.txt").write_text(as_text(load_plugin(formats, name).render(listing)), encoding="utf-8")


if __name__ == "__main__":
    main()
