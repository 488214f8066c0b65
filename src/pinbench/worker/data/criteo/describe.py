"""Says what is in a directory: a prepared data set of any format, or raw files."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pinbench.base.errors import DataError
from pinbench.base.jsonio import to_jsonable
from pinbench.base.plugin import load_plugin
from pinbench.contract.data import DataFormat, DataManifest, DescribeJob
from pinbench.worker.data.criteo import format as formats
from pinbench.worker.data.criteo.check_files import check_files, unlisted_files
from pinbench.worker.data.criteo.describe_raw_files import describe_raw_files
from pinbench.worker.data.criteo.describe_text import description_text
from pinbench.worker.data.criteo.description import (
    DecodedRow,
    Description,
    FileDescription,
    FileState,
    Provenance,
    SplitDescription,
)
from pinbench.worker.data.criteo.detect import detect_format, raw_files, splits_there
from pinbench.worker.data.criteo.form import Reader, Rows
from pinbench.worker.data.criteo.manifest import read_manifest

_BLOCK_ROWS = 4_096
_SAMPLED_BLOCKS = 16  # evenly over the split: 65,536 rows, whose chunks are verified within a second or two


def describe(job: DescribeJob) -> Description:
    """Write the description that `job` orders to standard output, and return it.

    Raises:
        DataError: something is damaged (after the description is written), or there is no data set.
    """
    found = read_description(Path(job.directory), head_rows=job.head_rows, verify=job.verify)
    sys.stdout.write(_json(found) if job.as_json else description_text(found))
    sys.stdout.flush()
    if found.faults:
        more = f" (and {len(found.faults) - 1} more faults, see above)" if len(found.faults) > 1 else ""
        raise DataError(f"{found.faults[0]}{more}")
    return found


def read_description(directory: Path, *, head_rows: int, verify: bool) -> Description:
    """Return what is in `directory`; with `verify` all bytes and rows of it have been read.

    Raises:
        DataError: there is no data set, or its manifest cannot be read.
    """
    if directory.is_file():
        return describe_raw_files(directory, [directory], head_rows=head_rows, verify=verify)
    kind = detect_format(directory)
    if kind is DataFormat.TSV:
        return describe_raw_files(directory, raw_files(directory), head_rows=head_rows, verify=verify)
    return _describe_prepared(directory, kind, head_rows=head_rows, verify=verify)


def _json(found: Description) -> str:
    content = to_jsonable(found)
    for split, shown in zip(found.splits, content["splits"], strict=True):
        shown["label_rate"] = split.label_rate
    return json.dumps(content, indent=1) + "\n"


def _describe_prepared(directory: Path, kind: DataFormat, *, head_rows: int, verify: bool) -> Description:
    manifest = read_manifest(directory)
    table_rows, splits = None if manifest is None else manifest.table_rows, []
    faults: list[str] = []
    verified: dict[Path, set[int]] = {}  # what has been read for the rows is not read again for its digest
    for name in splits_there(directory, kind):
        try:
            reader: Reader = load_plugin(formats, kind).open_reader(directory, name)
            table_rows = reader.table_rows
            with _noting(reader, verified):
                splits.append(_describe_split(reader, name, head_rows=head_rows, verify=verify))
        except DataError as error:
            faults.append(str(error))
    if manifest is None:
        files = tuple(unlisted_files(directory))
    else:
        files = tuple(check_files(directory, manifest, verified if verify else None))
    bad = [f"{directory / file.name} {_fault(file)}; copy it again" for file in files if file.state is FileState.BAD]
    return Description(
        directory=str(directory),
        format=kind,
        size_bytes=sum(file.size_bytes or 0 for file in files),
        table_rows=table_rows,
        splits=tuple(splits),
        files=files,
        provenance=None if manifest is None else _provenance(manifest),
        planted=None,
        faults=tuple(dict.fromkeys([*bad, *faults])),
    )


@contextmanager
def _noting(reader: Reader, verified: dict[Path, set[int]]) -> Iterator[None]:
    """Add to `verified` what `reader` has compared with the manifest, whether or not it got to its end."""
    try:
        yield
    finally:
        for path, chunks in reader.verified.items():
            verified.setdefault(path, set()).update(chunks)


def _fault(file: FileDescription) -> str:
    is_short = file.detail.endswith("were written")
    return f"has {file.size_bytes} bytes, but {file.detail}" if is_short else file.detail


def _describe_split(reader: Reader, name: str, *, head_rows: int, verify: bool) -> SplitDescription:
    head = reader.read(0, min(head_rows, reader.rows)) if head_rows else None
    rows = clicks = 0
    for begin, end in _blocks(reader.rows, verify=verify):
        rows += end - begin
        clicks += int(np.count_nonzero(reader.read(begin, end).label_B))
    return SplitDescription(
        name=name,
        path=str(reader.path),
        rows=reader.rows,
        labelled_rows=rows,
        clicks=clicks,
        head=() if head is None else tuple(_decoded(head)),
    )


def _blocks(rows: int, *, verify: bool) -> Iterator[tuple[int, int]]:
    """Yield ranges that cover all rows, or some of them evenly."""
    if verify or rows <= _BLOCK_ROWS * _SAMPLED_BLOCKS:
        yield from ((begin, min(begin + _BLOCK_ROWS, rows)) for begin in range(0, rows, _BLOCK_ROWS))
        return
    for index in range(_SAMPLED_BLOCKS):
        begin = (rows - _BLOCK_ROWS) * index // (_SAMPLED_BLOCKS - 1)
        yield begin, begin + _BLOCK_ROWS


def _decoded(rows: Rows) -> Iterator[DecodedRow]:
    for label, dense_I, sparse_F in zip(rows.label_B, rows.dense_BI, rows.sparse_BF, strict=True):
        yield DecodedRow(label=int(label), dense=tuple(dense_I.tolist()), sparse=tuple(sparse_F.tolist()))


def _provenance(manifest: DataManifest) -> Provenance:
    return Provenance(
        written_by=manifest.written_by,
        engine=manifest.engine,
        order=manifest.order,
        seed=manifest.seed,
        max_ind_range=manifest.max_ind_range,
        frequency_limit=manifest.frequency_limit,
        assignment=manifest.assignment,
        inputs=manifest.inputs,
        repairs=manifest.repairs,
        planted_auc=manifest.planted_auc,
    )
