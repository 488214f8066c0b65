"""DATA: what the data command orders from its child, and what a prepared data set says of itself.

Format history of `DataManifest` (MANIFEST_SCHEMA):
    1  first
"""

from dataclasses import dataclass
from enum import StrEnum

MANIFEST_SCHEMA = 1
MANIFEST_FILE = "manifest.json"


class Assignment(StrEnum):
    """What becomes of the input files."""

    DAYS = "days"  # the last file is test (first half) and val (the rest), the others are train
    TRAIN = "train"  # all rows of all files
    VAL = "val"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataJob:
    """Orders for one preparation."""

    dataset: str  # the folder under worker/data/
    inputs: tuple[str, ...]  # in the order of time
    output: str
    max_ind_range: int  # hashed categories are taken modulo this before they get an id
    assignment: Assignment | None  # None: DAYS for several files, TEST for one
    force: bool  # replace a data set that is there


@dataclass(frozen=True, slots=True, kw_only=True)
class DataInput:
    """A raw file that went in."""

    name: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that came out. Chunks have `chunk_bytes` of the manifest each, but for the last."""

    name: str
    size_bytes: int
    sha256: str
    rows: int | None = None
    chunk_sha256: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataManifest:
    """What a prepared directory holds; written last, so where it is, everything else is whole."""

    schema: int
    dataset: str
    written_by: str  # the version of pinbench
    max_ind_range: int
    assignment: Assignment
    row_order: str
    inputs: tuple[DataInput, ...]
    chunk_bytes: int
    files: tuple[DataFile, ...]
