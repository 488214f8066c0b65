"""Raw Criteo files into the MLPerf binary, with the meaning of the reference.

Source: facebookresearch/dlrm at 090956e, data_utils.py:974-1158 (ids by first appearance over all files, the last
one too; negative integers become 0) and data_loader_terabyte.py:279-288 (the first half of the last day, rounded up,
is test, the rest val). Unlike the reference, rows of train stay in the order of the input.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pinbench import __version__
from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import MANIFEST_SCHEMA, Assignment, DataFile, DataInput, DataJob, DataManifest
from pinbench.worker.data.criteo.counts import write_counts
from pinbench.worker.data.criteo.manifest import CHUNK_BYTES, describe_file
from pinbench.worker.data.criteo.mlperf_binary import Rows, RowWriter
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.raw_tsv import RawFile, file_size
from pinbench.worker.data.criteo.schema import (
    COUNTS_FILE,
    DAYS_FILE,
    HASH_VALUES,
    ROW_BYTES,
    SPARSE_FEATURES,
    binary_name,
)
from pinbench.worker.data.criteo.space import require_space
from pinbench.worker.data.criteo.tsv_block import RawRows
from pinbench.worker.data.criteo.vocabulary import Vocabulary
from pinbench.worker.data.criteo.workspace import publish, refuse_existing, workspace

_COPY_BYTES = CHUNK_BYTES
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")


class _SplitFile(NamedTuple):
    split: str
    rows: int


def prepare(job: DataJob, progress: Progress) -> DataManifest:
    """Do `job` and return what was written.

    Raises:
        UsageError: the orders contradict each other.
        DataError: an input is damaged, the output exists or does not fit; nothing is left half-written.
    """
    if not 1 <= job.max_ind_range <= HASH_VALUES:
        raise UsageError(f"--max-ind-range must be from 1 to {HASH_VALUES}, got {job.max_ind_range}")
    inputs = in_order_of_time([Path(name) for name in job.inputs])
    assignment = _assignment(job.assignment, inputs)
    output = Path(job.output)
    refuse_existing(output, job.force)
    sizes_bytes = [file_size(path) for path in inputs]
    progress.say(f"inputs in this order: {', '.join(path.name for path in inputs)}; split: {assignment}")
    require_space(inputs, output, cuts_last=assignment is Assignment.DAYS)
    with workspace(output) as folder:
        encoder = _Encoder(job.max_ind_range, progress)
        splits = _write_splits(inputs, assignment, folder, encoder)
        write_counts(folder, encoder.counts, encoder.file_rows)
        manifest = DataManifest(
            schema=MANIFEST_SCHEMA,
            dataset=job.dataset,
            written_by=__version__,
            max_ind_range=job.max_ind_range,
            assignment=assignment,
            row_order="as in the input",
            inputs=tuple(
                DataInput(name=path.name, size_bytes=size_bytes, rows=rows)
                for path, size_bytes, rows in zip(inputs, sizes_bytes, encoder.file_rows, strict=True)
            ),
            chunk_bytes=CHUNK_BYTES,
            files=_describe(folder, splits, progress),
        )
        publish(folder, output, manifest, [file.name for file in manifest.files])
    return manifest


def in_order_of_time(paths: Sequence[Path]) -> list[Path]:
    """Return `paths` by number when they differ in one number alone, as ``day_0.gz`` ... ``day_23.gz``, else as given.

    A shell expands ``day_*.gz`` to day_0, day_1, day_10, ...: ids would change, and day_9 would become the test day.

    Raises:
        UsageError: a file is given twice.
    """
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"--input {path} is given twice")
        seen.add(path.resolve())
    parts = [_NUMBERED.fullmatch(path.name) for path in paths]
    numbers = {path: int(part[2]) for path, part in zip(paths, parts, strict=True) if part}
    shapes = {(path.parent, part and (part[1], part[3])) for path, part in zip(paths, parts, strict=True)}
    if len(shapes) > 1 or not numbers:
        return list(paths)
    return sorted(paths, key=numbers.__getitem__)


class _Encoder:
    """Turns raw rows into processed ones; holds the vocabularies of all columns over all files."""

    def __init__(self, max_ind_range: int, progress: Progress):
        self._modulo = max_ind_range
        self._progress = progress
        self._columns = [Vocabulary() for _ in range(SPARSE_FEATURES)]
        self.file_rows: list[int] = []

    @property
    def counts(self) -> list[int]:
        return [len(column) for column in self._columns]

    def append(self, path: Path, writer: RowWriter) -> None:
        """Append all rows of the raw file `path` to `writer`."""
        rows = 0
        with RawFile(path) as raw:
            for block in raw.blocks():
                writer.append(self._encoded(block))
                rows += len(block.label_B)
                self._progress.update(path.name, raw.done_bytes / raw.size_bytes, sum(self.file_rows) + rows)
        self.file_rows.append(rows)

    def _encoded(self, raw: RawRows) -> Rows:
        sparse_BF = np.empty(raw.hash_BF.shape, np.int32)
        for index, column in enumerate(self._columns):
            key_B = raw.hash_BF[:, index]
            if self._modulo < HASH_VALUES:
                key_B = key_B % np.uint32(self._modulo)
            sparse_BF[:, index] = column.encode(key_B)
        return Rows(label_B=raw.label_B, dense_BI=np.maximum(raw.dense_BI, 0), sparse_BF=sparse_BF)


def _assignment(asked: Assignment | None, inputs: Sequence[Path]) -> Assignment:
    if asked is None:
        return Assignment.TEST if len(inputs) == 1 else Assignment.DAYS
    if asked is Assignment.DAYS and len(inputs) == 1:
        raise UsageError("--split days needs two files or more: the last is test and val, the others are train")
    return asked


def _write_splits(inputs: Sequence[Path], assignment: Assignment, folder: Path, encoder: _Encoder) -> list[_SplitFile]:
    if assignment is not Assignment.DAYS:
        return [_write_split(assignment.value, inputs, folder, encoder)]
    train = _write_split("train", inputs[:-1], folder, encoder)
    last = _write_split("test", inputs[-1:], folder, encoder)
    test_rows = -(-last.rows // 2)
    val_rows = last.rows - test_rows
    if not val_rows:  # a last day of one row
        return [train, last]
    _cut_off(folder / binary_name("test"), test_rows * ROW_BYTES, folder / binary_name("val"))
    return [train, _SplitFile("val", val_rows), _SplitFile("test", test_rows)]


def _write_split(split: str, inputs: Sequence[Path], folder: Path, encoder: _Encoder) -> _SplitFile:
    with RowWriter(folder / binary_name(split)) as writer:
        for path in inputs:
            encoder.append(path, writer)
        return _SplitFile(split, writer.rows)


def _cut_off(path: Path, keep_bytes: int, rest: Path) -> None:
    """Move what `path` has after `keep_bytes` to the new file `rest`."""
    try:
        with path.open("r+b") as source, rest.open("xb") as target:
            source.seek(keep_bytes)
            while data := source.read(_COPY_BYTES):
                target.write(data)
            source.truncate(keep_bytes)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise DataError(f"cannot write {rest}: {error.strerror}") from error


def _describe(folder: Path, splits: Sequence[_SplitFile], progress: Progress) -> tuple[DataFile, ...]:
    files = []
    for split, rows in splits:
        progress.say(f"digest of {binary_name(split)}, {rows:,} rows")
        files.append(describe_file(folder / binary_name(split), rows))
    # The counts come last of all: without them nobody reads the binary.
    return (*files, describe_file(folder / DAYS_FILE), describe_file(folder / COUNTS_FILE))
