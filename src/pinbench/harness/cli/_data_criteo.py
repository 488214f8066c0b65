"""``pinbench data criteo``: raw click logs into one of the forms that models read."""

import os
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import DataError, UsageError
from pinbench.base.units import MIB
from pinbench.contract.data import Assignment, DataEngine, DataFormat, PrepareJob, RowOrder
from pinbench.harness.cli._data_consent import require_consent
from pinbench.harness.cli._data_licenses import CRITEO_1TB, CRITEO_KAGGLE, License
from pinbench.harness.cli._data_order import Order
from pinbench.harness.cli._data_planted import are_made_up
from pinbench.harness.cli._data_show import manifest_lines
from pinbench.harness.cli._data_words import (
    SEED_LIMIT,
    memory_size,
    number_list,
    optional_number,
    output_folder,
    threads_here,
    whole_number,
)

HELP = "Criteo click logs (tab-separated, plain or gzip) into a form that models read"

_STDIN = "-"
_LEAST_MEMORY_BYTES = 256 * MIB
_HASH_VALUES = 1 << 32  # a raw category is 32 bits
_DAYS_LIMIT = 9_999
_DAY = re.compile(r"(?:.*?)(\d+)(?:\D*)", re.ASCII)
# Apache Spark, "Submitting Applications", Master URLs
_MASTER = re.compile(r"local(\[(\d+|\*)(,\d+)?\])?|(spark|k8s)://\S+|yarn", re.ASCII)
_KAGGLE_NAMES = {"train.txt", "test.txt", "train.txt.gz", "test.txt.gz"}
_ORDERS = {"uniform": RowOrder.UNIFORM, "reference": RowOrder.REFERENCE, "none": RowOrder.INPUT}


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    add = parser.add_argument
    add(
        "--input", nargs="+", required=True, metavar="FILE",
        help="raw files; those that differ in one number (day_0.gz ... day_23.gz) are taken in its order; "
        "-: standard input",
    )  # fmt: skip
    add("--output", required=True, metavar="DIR", help="directory of the data set: DATASET_DIR of cases")
    formats = [form.value for form in DataFormat if form is not DataFormat.TSV]
    add("--format", choices=formats, default="mlperf", help="form of the data set [%(default)s]")
    add(
        "--max-ind-range", metavar="N",
        help="take categories modulo N; 4294967296 keeps all [what the format's reference does]",
    )  # fmt: skip
    add("--frequency-limit", metavar="N", help="categories seen less than N times share one id [as its reference]")
    add(
        "--split", choices=[choice.value for choice in Assignment],
        help="what the rows become; days: the last file is held out as the format says, the others are train "
        "[days for several files, test for one]",
    )  # fmt: skip
    add("--days", metavar="LIST", help="of the inputs only those whose number is in LIST, such as 0-3,7")
    add("--rows", metavar="N", help="only the first N rows")
    add(
        "--shuffle", choices=list(_ORDERS),
        help="order of the train rows; uniform: each order is equally likely; reference: exactly that of the "
        "reference implementation; none: as in the input [what the format's reference does, but uniform]",
    )  # fmt: skip
    add("--seed", default="0", metavar="N", help="of the shuffle [%(default)s]")
    add("--memory", default="4GiB", metavar="SIZE", help="most memory to work in, vocabularies aside [%(default)s]")
    add("--threads", metavar="N", help="[the CPUs that this process may use]")
    add("--engine", choices=[engine.value for engine in DataEngine], default="local", help="[%(default)s]")
    add("--master", metavar="URL", help="of the Spark cluster: local[2], spark://host:7077, yarn, ...")
    add("--accept-license", action="store_true", help="accept the licence of the data, which is shown")
    add("--force", action="store_true", help="replace a data set that is in DIR")
    add("--restart", action="store_true", help="forget what an interrupted command with other options left in DIR")


def make_order(arguments: Namespace) -> Order:
    """Return the orders, once the words are right and the licence is accepted.

    Raises:
        UsageError: a word is wrong, or the licence is not accepted.
        DataError: an input is not there.
    """
    inputs = _inputs(arguments.input, arguments.days)
    job = PrepareJob(
        dataset="criteo",
        format=DataFormat(arguments.format),
        inputs=tuple(inputs),
        output=output_folder(arguments.output),
        max_ind_range=optional_number("--max-ind-range", arguments.max_ind_range, 1, _HASH_VALUES),
        frequency_limit=optional_number("--frequency-limit", arguments.frequency_limit, 1, _HASH_VALUES),
        assignment=_assignment(arguments.split, inputs),
        order=None if arguments.shuffle is None else _ORDERS[arguments.shuffle],
        seed=whole_number("--seed", arguments.seed, 0, SEED_LIMIT - 1),
        rows=optional_number("--rows", arguments.rows, 1),
        memory_bytes=memory_size("--memory", arguments.memory, _LEAST_MEMORY_BYTES),
        threads=threads_here("--threads", arguments.threads),
        engine=DataEngine(arguments.engine),
        master=_master(arguments.master, DataEngine(arguments.engine)),
        force=arguments.force,
        restart=arguments.restart,
    )
    if not are_made_up([Path(name) for name in inputs if name != _STDIN]):
        require_consent(_license(job), accepts=arguments.accept_license, environment=os.environ)
    return Order(command="prepare", job=job, reads_stdin=_STDIN in inputs)


def show(order: Order) -> None:
    """Print what was written."""
    assert isinstance(order.job, PrepareJob)
    for line in manifest_lines(Path(order.job.output)):
        print(line)


def _inputs(names: Sequence[str], days: str | None) -> list[str]:
    if _STDIN in names:
        if len(names) > 1 or days is not None:
            raise UsageError("--input - is standard input, alone and without --days")
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("--input - reads standard input, which is a terminal; send the rows through a pipe")
        return list(names)
    chosen = list(names) if days is None else _of_days(names, number_list("--days", days, _DAYS_LIMIT))
    for name in chosen:
        try:
            Path(name).stat()
        except OSError as error:
            raise DataError(f"cannot read {name}: {error.strerror}; check --input") from error
    return chosen


def _of_days(names: Sequence[str], days: Sequence[int]) -> list[str]:
    found: dict[int, str] = {}
    for name in names:
        number = _DAY.fullmatch(Path(name).name)
        if number is None:
            raise UsageError(f"--days goes by the number in a file's name, and {name} has none")
        day = int(number[1])
        if day in found:
            raise UsageError(f"--days: {found[day]} and {name} have the same number")
        found[day] = name
    if missing := [day for day in days if day not in found]:
        there = ", ".join(str(day) for day in sorted(found))
        raise UsageError(f"--days {missing[0]}: no --input has this number; there are {there}")
    return [found[day] for day in days]


def _assignment(split: str | None, inputs: Sequence[str]) -> Assignment | None:
    if split == Assignment.DAYS and inputs == [_STDIN]:
        raise UsageError("--split days needs files, and standard input is one; name what the rows become")
    return None if split is None else Assignment(split)


def _master(master: str | None, engine: DataEngine) -> str | None:
    if engine is DataEngine.LOCAL:
        if master is not None:
            raise UsageError(f"--master {master} is of the engine spark; add --engine spark")
        return None
    if master is None:
        raise UsageError("--engine spark needs --master, such as local[2] or spark://host:7077")
    if not _MASTER.fullmatch(master):
        raise UsageError(f"--master must be local[N], spark://HOST:PORT, k8s://... or yarn, got {master!r}")
    return master


def _license(job: PrepareJob) -> License:
    """Return the licence of the raw data: of the two sets only the Kaggle one has files of these names."""
    is_kaggle = job.format is DataFormat.KAGGLE or any(Path(name).name in _KAGGLE_NAMES for name in job.inputs)
    return CRITEO_KAGGLE if is_kaggle else CRITEO_1TB
