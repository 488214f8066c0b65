"""``pinbench data describe``: what is in a directory, and whether it is whole."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import DataError
from pinbench.contract.data import DescribeJob
from pinbench.harness.cli._data_order import Order
from pinbench.harness.cli._data_words import whole_number

HELP = "what is in a data set: rows, ids of each column, label rate, first rows, digests"

_HEAD_LIMIT = 10_000


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    add = parser.add_argument
    add(
        "directory",
        metavar="DIR",
        help="a prepared data set, also one of a reference implementation; or raw files, or one",
    )
    add("--head", default="3", metavar="N", help="show the first N rows of each split, decoded [%(default)s]")
    add("--json", action="store_true", help="print one JSON object instead of text")
    add("--verify", action="store_true", help="read all files and compare them with the digests of the manifest")


def make_order(arguments: Namespace) -> Order:
    """Return the orders.

    Raises:
        UsageError: a word is wrong.
        DataError: it is not there, or may not be looked at.
    """
    head_rows = whole_number("--head", arguments.head, 0, _HEAD_LIMIT)
    try:
        Path(arguments.directory).stat()
    except OSError as error:
        raise DataError(f"no data set: cannot read {arguments.directory}: {error.strerror}") from error
    job = DescribeJob(
        directory=arguments.directory, head_rows=head_rows, as_json=arguments.json, verify=arguments.verify
    )
    return Order(command="describe", job=job)


def show(order: Order) -> None:
    """Print nothing more: the description is the child's output."""
