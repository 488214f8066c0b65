"""``pinbench data synthetic``: made-up click logs, raw or in one of the forms that models read."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.data import DataFormat, SynthesizeJob
from pinbench.harness.cli._data_order import Order
from pinbench.harness.cli._data_show import manifest_lines, raw_lines
from pinbench.harness.cli._data_words import (
    SEED_LIMIT,
    optional_number,
    output_folder,
    table_sizes,
    threads_here,
    whole_number,
)

HELP = "made-up click logs with the shape of Criteo's and labels of a known law"

_TABLES = 26
_DAYS_LIMIT = 366
_HASH_VALUES = 1 << 32


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="directory that gets the files")
    add("--format", choices=[form.value for form in DataFormat], default="tsv", help="tsv: raw rows [%(default)s]")
    add("--rows", required=True, metavar="N", help="rows of each day")
    add("--days", default="1", metavar="N", help="number of days [%(default)s]")
    add("--seed", default="0", metavar="N", help="the same seed gives the same rows [%(default)s]")
    add("--gzip", action="store_true", help="write day_N.gz; for raw rows only")
    add("--max-ind-range", metavar="N", help="take categories modulo N [what the format's reference does]")
    add(
        "--table-rows", metavar="A-B-...",
        help=f"different categories of each of the {_TABLES} columns [those of Criteo's 24 days]",
    )  # fmt: skip
    add("--threads", metavar="N", help="[the CPUs that this process may use]")
    add("--force", action="store_true", help="replace a data set that is in DIR")
    add("--restart", action="store_true", help="forget what an interrupted command with other options left in DIR")


def make_order(arguments: Namespace) -> Order:
    """Return the orders.

    Raises:
        UsageError: a word is wrong.
    """
    form = DataFormat(arguments.format)
    if arguments.gzip and form is not DataFormat.TSV:
        raise UsageError(f"--gzip is for raw rows, and --format {form} is none; leave one of them out")
    if arguments.max_ind_range is not None and form is DataFormat.TSV:
        raise UsageError("--max-ind-range is taken when rows are prepared; raw rows (--format tsv) keep all 32 bits")
    rows = None if arguments.table_rows is None else table_sizes("--table-rows", arguments.table_rows, _TABLES)
    job = SynthesizeJob(
        dataset="criteo",
        format=form,
        output=output_folder(arguments.output),
        days=whole_number("--days", arguments.days, 1, _DAYS_LIMIT),
        rows=whole_number("--rows", arguments.rows, 1),
        seed=whole_number("--seed", arguments.seed, 0, SEED_LIMIT - 1),
        max_ind_range=optional_number("--max-ind-range", arguments.max_ind_range, 1, _HASH_VALUES),
        table_rows=rows,
        gzip=arguments.gzip,
        threads=threads_here("--threads", arguments.threads),
        force=arguments.force,
        restart=arguments.restart,
    )
    return Order(command="synthesize", job=job)


def show(order: Order) -> None:
    """Print what was written."""
    assert isinstance(order.job, SynthesizeJob)
    output = Path(order.job.output)
    lines = raw_lines(output) if order.job.format is DataFormat.TSV else manifest_lines(output)
    for line in lines:
        print(line)
