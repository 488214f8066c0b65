"""What describe finds in a directory, as values; None: not known."""

from dataclasses import dataclass
from enum import StrEnum

from pinbench.contract.data import DataFormat, DataInput, PlantedFacts, Repairs


class FileState(StrEnum):
    """Whether a file is what was written."""

    GOOD = "good"  # every byte has been read, and the digests are those of the manifest
    BAD = "bad"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDescription:
    """One file of the data set."""

    name: str
    size_bytes: int | None  # None: it is not there
    state: FileState
    detail: str = ""  # what is bad, or why it was not checked


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedRow:
    """One row as a reader returns it."""

    label: int
    dense: tuple[float | None, ...]  # None: the field is empty, in a raw row
    sparse: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitDescription:
    """One split; a raw file counts as one."""

    name: str
    path: str
    rows: int | None
    labelled_rows: int  # so many were looked at
    clicks: int  # of these have the label 1
    head: tuple[DecodedRow, ...]

    @property
    def label_rate(self) -> float | None:
        """The share of clicks among the rows that were looked at."""
        return self.clicks / self.labelled_rows if self.labelled_rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How the data set came to be, by its manifest."""

    written_by: str
    engine: str
    order: str
    seed: int
    max_ind_range: int | None
    frequency_limit: int | None
    assignment: str | None
    inputs: tuple[DataInput, ...]
    repairs: Repairs
    planted_auc: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of it."""

    directory: str
    format: DataFormat
    size_bytes: int  # of the files that are there
    table_rows: tuple[int, ...] | None  # ids of each column
    splits: tuple[SplitDescription, ...]
    files: tuple[FileDescription, ...]
    provenance: Provenance | None  # None: there is no manifest
    planted: PlantedFacts | None  # of raw files that are known to be made up
    faults: tuple[str, ...]  # one line each
