"""facebookresearch/dlrm and MLPerf DLRM: terabyte_processed_{train,val,test}.bin and two files of counts.

Source: facebookresearch/dlrm at 090956e, data_utils.py:974-1158 (ids, integers) and data_loader_terabyte.py:251-290
(rows; the first half of the last day, rounded up, is test, the rest val).
"""

from collections.abc import Sequence
from pathlib import Path

from pinbench.worker.data.criteo.counts import TERABYTE_COUNT_FILES
from pinbench.worker.data.criteo.form import FirstSeen, Stream, WriteOrders
from pinbench.worker.data.criteo.format.binary_writer import BinaryWriter
from pinbench.worker.data.criteo.format.first_seen import first_seen
from pinbench.worker.data.criteo.format.held_out import Halves, held_out_streams
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile
from pinbench.worker.data.criteo.schema import ROW_BYTES

_MAX_IND_RANGE = 40_000_000  # the reference's --max-ind-range in MLPerf DLRM
_HALVES = Halves("test", "val", first_has_odd_row=True)


def ids(max_ind_range: int | None, frequency_limit: int | None) -> FirstSeen:
    """Return ids by first appearance, of categories modulo `max_ind_range` (None: 40,000,000).

    Raises:
        UsageError: the range is none, or there is a `frequency_limit`.
    """
    return first_seen("mlperf", _MAX_IND_RANGE, max_ind_range, frequency_limit)


def streams(assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
    """Return which rows become which split.

    Raises:
        UsageError: the last day is to be held out, but there is no other.
    """
    return held_out_streams(_HALVES, assignment, day_rows, is_shuffled)


def reference_days(day_rows: Sequence[int]) -> tuple[int, ...]:
    """Return the rows of each file of which the reference's shuffle knows."""
    return tuple(day_rows)


def row_bytes() -> int:
    """Return how many bytes a row takes."""
    return ROW_BYTES


def open_writer(orders: WriteOrders, is_resumed: bool) -> BinaryWriter:
    """Return a writer into `orders.folder`; a resumed one keeps the files that are there.

    Raises:
        DataError: a file cannot be created, or there is too little space for it.
    """
    return BinaryWriter(orders, orders.day_rows, TERABYTE_COUNT_FILES, is_resumed)


def open_reader(directory: Path, split: str) -> BinaryFile:
    """Return `split` of the set in `directory`, ours or the reference's.

    Raises:
        DataError: it is missing, damaged or of another form.
    """
    return BinaryFile(directory, split)
