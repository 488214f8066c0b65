"""Stand-in until the format itself is merged."""

from pathlib import Path

from pinbench.worker.data.criteo.form import Reader
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile
from pinbench.worker.data.criteo.schema import ROW_BYTES


def row_bytes() -> int:
    return ROW_BYTES


class _Reader(BinaryFile):
    @property
    def table_rows(self) -> tuple[int, ...]:
        return self.counts


def open_reader(directory: Path, split: str) -> Reader:
    return _Reader(directory, split)
