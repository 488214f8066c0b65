"""DATA: what the data command orders from its child, and what a prepared data set says of itself.

Format history of `DataManifest` (MANIFEST_SCHEMA):
    1  first
    2  format, recipe and repairs; the digest of a file is that of the digests of its chunks
"""

from dataclasses import dataclass
from enum import StrEnum

MANIFEST_SCHEMA = 2
MANIFEST_FILE = "manifest.json"
PLANTED_FILE = "planted.json"  # beside raw files: they are made up


class DataFormat(StrEnum):
    """The form of a prepared data set: a module of ``worker/data/criteo/format/`` each."""

    MLPERF = "mlperf"  # facebookresearch/dlrm: terabyte_processed_{train,val,test}.bin and counts
    KAGGLE = "kaggle"  # facebookresearch/dlrm: kaggleAdDisplayChallenge_processed.npz
    WSF = "wsf"  # one day cut in 24 parts, the last held out
    NVIDIA = "nvidia"  # DeepLearningExamples: binary_dataset/ and feature_spec.yaml
    TORCHREC = "torchrec"  # day_N_{dense,sparse,labels}.npy
    MULTIHOT = "multihot"  # MLPerf DLRM-DCNv2: the same, and day_N_sparse_multi_hot.npz
    TSV = "tsv"  # raw rows; only made up, never prepared


class Assignment(StrEnum):
    """What becomes of the input files."""

    DAYS = "days"  # the last file is held out (test and val, as the format says), the others are train
    TRAIN = "train"  # all rows of all files
    VAL = "val"
    TEST = "test"


class RowOrder(StrEnum):
    """In which order the rows of train come; val and test stay in the order of the input."""

    UNIFORM = "uniform"  # each order of the rows is equally likely
    REFERENCE = "reference"  # the very order that facebookresearch/dlrm gives with numpy seed `seed`
    INPUT = "input"


class DataEngine(StrEnum):
    """What does the work."""

    LOCAL = "local"
    SPARK = "spark"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareJob:
    """Orders for one preparation: raw files into one format. None: the format's own default."""

    dataset: str  # the folder under worker/data/
    format: DataFormat
    inputs: tuple[str, ...]  # in the order of time; "-" is standard input
    output: str
    max_ind_range: int | None  # hashed categories are taken modulo this before they get an id; 2**32 keeps all
    frequency_limit: int | None  # a category seen less often has no id of its own
    assignment: Assignment | None
    order: RowOrder | None
    seed: int
    rows: int | None  # only so many, from the first on
    memory_bytes: int  # of the process, vocabularies aside
    threads: int
    engine: DataEngine
    master: str | None  # of the Spark cluster
    force: bool  # replace a data set that is there
    restart: bool  # forget what an interrupted job with other orders left there


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesizeJob:
    """Orders for made-up rows, in any format, or raw."""

    dataset: str
    format: DataFormat
    output: str
    days: int
    rows: int  # of each day
    seed: int
    max_ind_range: int | None
    table_rows: tuple[int, ...] | None  # distinct categories of each column; None: Criteo's
    gzip: bool  # raw rows only
    threads: int
    force: bool
    restart: bool  # forget what an interrupted job with other orders left there


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeJob:
    """Orders to say what is in a directory."""

    directory: str
    head_rows: int
    as_json: bool
    verify: bool  # read and digest all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One file to fetch and what it must be."""

    url: str
    sha256: str | None  # None: it is taken as it comes, and its digest written beside it
    name: str
    page: str  # of the publisher, where somebody can look up what moved


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A small file whose text is known without fetching it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadJob:
    """Orders to fetch raw files, and what is to lie beside them."""

    files: tuple[Download, ...]
    output: str
    known: tuple[KnownFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataInput:
    """A raw file that went in."""

    name: str
    size_bytes: int | None  # None: standard input, or made-up rows that were in no file
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What was not as it should be in the raw files and was read nevertheless."""

    byte_order_marks: int = 0
    carriage_returns: int = 0  # lines that ended in CR LF


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that came out. Chunks have `chunk_bytes` of the manifest each, but for the last."""

    name: str  # with slashes below the directory of the manifest
    size_bytes: int
    sha256: str  # of the bytes of the sha256 digests of its chunks, so that chunks can be digested side by side
    chunk_sha256: tuple[str, ...]
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataManifest:
    """What a prepared directory holds; written last, so where it is, everything else is whole."""

    schema: int
    dataset: str
    format: DataFormat
    written_by: str  # the version of pinbench
    engine: DataEngine
    max_ind_range: int | None
    frequency_limit: int | None
    assignment: Assignment | None
    order: RowOrder
    seed: int
    table_rows: tuple[int, ...]  # ids of each column, from 0 on
    inputs: tuple[DataInput, ...]
    repairs: Repairs
    chunk_bytes: int
    files: tuple[DataFile, ...]
    planted_auc: float | None = None  # of made-up rows: the area under the curve that their own law reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFile:
    """A raw file of made-up rows."""

    name: str
    size_bytes: int
    rows: int
    clicks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFacts:
    """What is known of the labels of made-up raw rows; in PLANTED_FILE beside them, written last."""

    seed: int
    table_rows: tuple[int, ...]  # different categories that a column can have
    rows: int  # of all files
    clicks: int  # among them
    click_share: float  # that the law of the labels gives
    auc: float  # the area under the curve that this law reaches; no model has more but by luck
    auc_standard_error: float  # of that figure
    files: tuple[PlantedFile, ...]
