"""Which rows become which split where the last day is held out, and its two halves are test and val.

Which half is which, and whose the odd row is, differs between the formats.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pinbench.base.errors import UsageError
from pinbench.contract.data import Assignment
from pinbench.worker.data.criteo.form import Stream


class Halves(NamedTuple):
    """The splits of the last day, in the order of its rows."""

    first: str
    second: str
    first_has_odd_row: bool

    def cut(self, rows: int) -> int:
        """Return how many of `rows` are the first half."""
        return -(-rows // 2) if self.first_has_odd_row else rows // 2


def held_out_streams(
    halves: Halves, assignment: str | None, day_rows: Sequence[int], is_shuffled: bool
) -> tuple[Stream, ...]:
    """Return the streams of `assignment`: None is test for a single day, days for several. Only train is shuffled.

    Raises:
        UsageError: there is but one day, and `assignment` holds out the last.
    """
    total = sum(day_rows)
    chosen = _chosen(assignment, len(day_rows))
    if chosen is not Assignment.DAYS:
        is_train = chosen is Assignment.TRAIN
        return (Stream(split=chosen.value, begin=0, end=total, is_shuffled=is_train and is_shuffled),)
    last = total - day_rows[-1]
    middle = last + halves.cut(day_rows[-1])
    return (
        Stream(split="train", begin=0, end=last, is_shuffled=is_shuffled),
        Stream(split=halves.first, begin=last, end=middle, is_shuffled=False),
        Stream(split=halves.second, begin=middle, end=total, is_shuffled=False),
    )


def _chosen(assignment: str | None, days: int) -> Assignment:
    if assignment is None:
        return Assignment.TEST if days == 1 else Assignment.DAYS
    if assignment == Assignment.DAYS and days == 1:
        raise UsageError("--split days needs two files or more: the last is test and val, the others are train")
    return Assignment(assignment)
