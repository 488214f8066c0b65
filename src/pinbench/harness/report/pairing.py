"""Whether the runs of two sides alternated: then neighbours met the same state of the host, and belong together."""

from collections.abc import Sequence
from itertools import pairwise

from pinbench.harness.report.entries import Entry


def paired(base: Sequence[Entry], new: Sequence[Entry]) -> tuple[list[Entry], list[Entry]] | None:
    """Return both sides in order of time, where each two runs that follow each other are one of each side.

    Only the times of the starts decide, never a value. None: the runs did not alternate so.
    """
    order = _by_time(base, new)
    if order is None or len(base) != len(new):
        return None
    if any(order[place][1] == order[place + 1][1] for place in range(0, len(order), 2)):
        return None
    sides: tuple[list[Entry], list[Entry]] = ([], [])
    for entry, side in order:
        sides[side].append(entry)
    return sides


def is_one_after_the_other(base: Sequence[Entry], new: Sequence[Entry]) -> bool:
    """Return whether all runs of one side were over before the first of the other."""
    order = _by_time(base, new)
    return order is not None and sum(first[1] != second[1] for first, second in pairwise(order)) == 1


def _by_time(base: Sequence[Entry], new: Sequence[Entry]) -> list[tuple[Entry, int]] | None:
    """Return all runs in order of their starts, each with its side; None: a time is not known, or not told apart."""
    runs = [*((entry, 0) for entry in base), *((entry, 1) for entry in new)]
    times = {entry.started_at for entry, _ in runs}
    if None in times or len(times) < len(runs):
        return None
    return sorted(runs, key=lambda run: run[0].started_at or "")
