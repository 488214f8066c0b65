"""pinbench data: turns raw data sets into what a case with DATA_TYPE=real reads."""

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import ExitCode
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.base.units import format_bytes
from pinbench.contract.data import MANIFEST_FILE, Assignment, DataJob, DataManifest
from pinbench.harness.launch.process import run_job

HELP = "turn raw data into what DATA_TYPE=real reads"

_MLPERF_MAX_IND_RANGE = 40_000_000  # the reference's --max-ind-range in MLPerf DLRM
_CRITEO = "Criteo click logs (tab-separated, plain or gzip) into the MLPerf binary"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    datasets = parser.add_subparsers(dest="dataset", metavar="DATASET", required=True)
    criteo = datasets.add_parser("criteo", help=_CRITEO, description=_CRITEO, allow_abbrev=False)
    criteo.add_argument(
        "--input", nargs="+", required=True, metavar="FILE",
        help="raw files; those that differ in one number (day_0.gz ... day_23.gz) are taken in its order",
    )  # fmt: skip
    criteo.add_argument(
        "--output", required=True, metavar="DIR", help="directory of the data set: DATASET_DIR of cases"
    )
    criteo.add_argument(
        "--max-ind-range", type=int, default=_MLPERF_MAX_IND_RANGE, metavar="N",
        help="take categories modulo N; 4294967296 keeps all [%(default)s, as MLPerf]",
    )  # fmt: skip
    criteo.add_argument(
        "--split", choices=[choice.value for choice in Assignment],
        help="what the rows become; days: the last file is test (first half) and val, the others are train "
        "[days for several files, test for one]",
    )  # fmt: skip
    criteo.add_argument("--force", action="store_true", help="replace a data set that is in DIR")


def run(arguments: Namespace) -> int:
    """Run the job in a process of its own (it needs numpy) and show what it wrote."""
    job = DataJob(
        dataset=arguments.dataset,
        inputs=tuple(arguments.input),
        output=arguments.output,
        max_ind_range=arguments.max_ind_range,
        assignment=None if arguments.split is None else Assignment(arguments.split),
        force=arguments.force,
    )
    with tempfile.TemporaryDirectory(prefix="pinbench-data-") as folder:
        orders = Path(folder) / "orders.json"
        write_json(orders, job)
        code = run_job([sys.executable, "-m", "pinbench.worker.data.main", str(orders)])
    if code == ExitCode.PASSED:
        _show(Path(job.output))
    return code


def _show(output: Path) -> None:
    manifest = from_jsonable(DataManifest, read_json(output / MANIFEST_FILE), MANIFEST_FILE)
    print(
        f"{output.resolve()}: {sum(given.rows for given in manifest.inputs):,} rows of {len(manifest.inputs)} file(s)"
    )
    for file in manifest.files:
        rows = "" if file.rows is None else f"{file.rows:,} rows, "
        print(f"  {file.name}: {rows}{format_bytes(file.size_bytes)}")
    print(f"run a case on it with: DATA_TYPE=real DATASET_DIR={output.resolve()}")
