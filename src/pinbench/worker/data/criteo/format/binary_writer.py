"""The binary of facebookresearch/dlrm being written: one file a split, 160 bytes a row; `schema` says what is in it.

K rows of a block, I integers.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pinbench.worker.data.criteo.counts import CountFiles, write_counts
from pinbench.worker.data.criteo.form import Stream, Words, WriteOrders
from pinbench.worker.data.criteo.format.sized_file import SizedFile
from pinbench.worker.data.criteo.schema import DENSE, ROW_BYTES, binary_name


class BinaryWriter:
    """See `form.Writer`. Negative and missing integers become 0 (data_utils.py:153, 1001-1003)."""

    def __init__(self, orders: WriteOrders, day_rows: Sequence[int], names: CountFiles, is_resumed: bool):
        """Create the files.

        Raises:
            DataError: one cannot be created, or there is too little space for it.
        """
        self._orders = orders
        self._day_rows = day_rows
        self._names = names
        self._files = {
            stream.split: SizedFile(orders.folder / binary_name(stream.split), stream.rows * ROW_BYTES, is_resumed)
            for stream in orders.streams
            if stream.rows
        }

    def write(self, stream: Stream, first_row: int, words: Words) -> None:
        """Write `words` as the rows from `first_row` on of `stream`.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        dense_KI = words[:, DENSE]
        np.maximum(dense_KI, 0, out=dense_KI)
        self._files[stream.split].write(first_row * ROW_BYTES, words)

    def close(self) -> None:
        """Close the files.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        for file in self._files.values():
            file.close()

    def finish(self) -> list[tuple[Path, int | None]]:
        """Write the counts; return all files.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        self.close()
        write_counts(self._orders.folder, self._orders.table_rows, self._day_rows, self._names)
        rows = {stream.split: stream.rows for stream in self._orders.streams}
        binaries = [(Path(binary_name(split)), rows[split]) for split in self._files]
        # Without the last nobody reads the binary.
        return [*binaries, (Path(self._names.days), None), (Path(self._names.counts), None)]
