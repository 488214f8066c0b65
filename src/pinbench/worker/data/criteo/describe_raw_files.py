"""Raw files as a description; of made-up ones that PLANTED_FILE beside them knows, with what it says of them."""

from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import DataError
from pinbench.contract.data import PLANTED_FILE, DataFormat, PlantedFacts, PlantedFile
from pinbench.worker.data.criteo.describe_raw import describe_raw
from pinbench.worker.data.criteo.description import Description, FileDescription, FileState, SplitDescription
from pinbench.worker.data.criteo.planted_file import read_planted


def describe_raw_files(place: Path, paths: Sequence[Path], *, head_rows: int, verify: bool) -> Description:
    """Return what the raw files `paths` hold; with `verify` their rows and clicks have been counted.

    Raises:
        DataError: PLANTED_FILE is damaged.
    """
    planted = read_planted(paths[0].parent)
    known = {} if planted is None else {file.name: file for file in planted.files}
    files, splits, faults = [], [], []
    for path in paths:
        state, detail = FileState.UNCHECKED, "no digest"
        try:
            splits.append(_describe(path, known.get(path.name), head_rows=head_rows, verify=verify))
        except DataError as error:
            state, detail = FileState.BAD, str(error)
            faults.append(str(error))
        files.append(FileDescription(name=path.name, size_bytes=path.stat().st_size, state=state, detail=detail))
    return Description(
        directory=str(place),
        format=DataFormat.TSV,
        size_bytes=sum(file.size_bytes or 0 for file in files),
        table_rows=None,
        splits=tuple(splits),
        files=tuple(files),
        provenance=None,
        planted=_common(planted, [path.name for path in paths]),
        faults=tuple(faults),
    )


def _common(planted: PlantedFacts | None, names: Sequence[str]) -> PlantedFacts | None:
    """Return `planted` where it knows one of `names`."""
    return planted if planted is not None and {file.name for file in planted.files} & set(names) else None


def _describe(path: Path, known: PlantedFile | None, *, head_rows: int, verify: bool) -> SplitDescription:
    if known is not None and path.stat().st_size != known.size_bytes:
        raise DataError(
            f"{path} has {path.stat().st_size} bytes, but {known.size_bytes} were written (see {PLANTED_FILE}); make "
            "it again"
        )
    found = describe_raw(path, head_rows=head_rows, count=verify)
    if known is None:
        return found
    if verify and (found.rows, found.clicks) != (known.rows, known.clicks):
        raise DataError(
            f"{path} has {found.rows} rows and {found.clicks} clicks, but {known.rows} and {known.clicks} were written "
            f"(see {PLANTED_FILE}); make it again"
        )
    return SplitDescription(
        name=found.name,
        path=found.path,
        rows=known.rows,
        labelled_rows=known.rows,
        clicks=known.clicks,
        head=found.head,
    )
