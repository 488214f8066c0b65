"""One day of the click log, cut in 24 parts that stand for days, as Intel's Workload Services Framework prepares it.

Source: intel/workload-services-framework, workload/DLRM-PyTorch-Xeon-Public: Dockerfile.3.dataset_ext:61-75 (``split
-l``, --max-ind-range=40000000) and its dlrm_data_pytorch.py:341-348 (train of 23 parts, test of the whole last).

Two things differ from there on purpose. The original shuffles the rows of all 24 parts together, so the rows that it
tests on are not later than those it trained on: here the last part is held out. And its ids depend on which of its
processes ends first; here they are those of first appearance.
"""

from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.counts import CountFiles
from pinbench.worker.data.criteo.form import FirstSeen, Stream, WriteOrders
from pinbench.worker.data.criteo.format.binary_writer import BinaryWriter
from pinbench.worker.data.criteo.format.first_seen import first_seen
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile
from pinbench.worker.data.criteo.parts import part_rows
from pinbench.worker.data.criteo.schema import ROW_BYTES

COUNT_FILES = CountFiles(counts="day0_fea_count.npz", days="day0_day_count.npz")  # Dockerfile.3.dataset_ext:79-80

_MAX_IND_RANGE = 40_000_000
_PARTS = 24


def ids(max_ind_range: int | None, frequency_limit: int | None) -> FirstSeen:
    """Return ids by first appearance, of categories modulo `max_ind_range` (None: 40,000,000).

    Raises:
        UsageError: the range is none, or there is a `frequency_limit`.
    """
    return first_seen("wsf", _MAX_IND_RANGE, max_ind_range, frequency_limit)


def streams(assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
    """Return train, 23 of the parts, and test, the last.

    Raises:
        UsageError: there are several days, too few rows, or an `assignment`.
    """
    if assignment is not None:
        raise UsageError(
            f"--split {assignment} does not go with the wsf format: 23 parts of a day are train, one is test"
        )
    if len(day_rows) != 1:
        raise UsageError(f"the wsf format is made of one day, got {len(day_rows)} files; give day_0 alone")
    held_out = day_rows[0] - reference_days(day_rows)[-1]
    return (
        Stream(split="train", begin=0, end=held_out, is_shuffled=is_shuffled),
        Stream(split="test", begin=held_out, end=day_rows[0], is_shuffled=False),
    )


def reference_days(day_rows: Sequence[int]) -> tuple[int, ...]:
    """Return the rows of each part: those of ``split -l $((rows / 24 + 1))``.

    Raises:
        UsageError: that makes fewer than 24 parts.
    """
    parts = part_rows(day_rows[0], _PARTS)
    if not parts[-1]:
        raise UsageError(f"{day_rows[0]} rows make no {_PARTS} parts of {parts[0]} rows each; give more")
    return parts


def row_bytes() -> int:
    """Return how many bytes a row takes."""
    return ROW_BYTES


def open_writer(orders: WriteOrders, is_resumed: bool) -> BinaryWriter:
    """Return a writer into `orders.folder`; a resumed one keeps the files that are there.

    Raises:
        DataError: a file cannot be created, or there is too little space for it.
    """
    return BinaryWriter(orders, reference_days(orders.day_rows), COUNT_FILES, is_resumed)


def open_reader(directory: Path, split: str) -> BinaryFile:
    """Return `split` (train or test) of the set in `directory`, ours or the original's.

    Raises:
        DataError: it is missing, damaged or of another form.
    """
    return BinaryFile(directory, split, COUNT_FILES.counts)
