"""Which format lies in a directory: as its manifest says, or by the names of its files."""

import re
from pathlib import Path

from pinbench.base.errors import DataError
from pinbench.contract.data import Assignment, DataFormat
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import SPLITS, binary_name

# The first that fits: a set of multi-hot ids keeps files of the plain one beside them. Others write no manifest.
_SIGNS = (
    (DataFormat.MULTIHOT, "*_sparse_multi_hot.npz"),
    (DataFormat.TORCHREC, "*_dense.npy"),
    (DataFormat.NVIDIA, "feature_spec.yaml"),
    (DataFormat.NVIDIA, "binary_dataset/feature_spec.yaml"),
    (DataFormat.KAGGLE, "kaggleAdDisplayChallenge_processed.npz"),
    (DataFormat.WSF, "day0_fea_count.npz"),
    (DataFormat.MLPERF, "terabyte_processed_*.bin"),
    (DataFormat.MLPERF, "day_fea_count.npz"),
)
_RAW_NAME = re.compile(r"(day_\d+|day0_\d+|train\.txt|test\.txt|.*\.tsv)(\.gz)?")
_MAKE = "make one with: pinbench data criteo --input FILE --output DIR"


def detect_format(directory: Path) -> DataFormat:
    """Return the format of what lies in `directory`.

    Raises:
        DataError: it is no directory, or nothing known is in it.
    """
    try:
        found = _format_of(directory)
    except OSError as error:
        raise DataError(f"cannot read {directory}: {error.strerror}") from error
    if found is not None:
        return found
    raise DataError(f"{directory} holds no data set in a form that is known; {_MAKE}")


def _format_of(directory: Path) -> DataFormat | None:
    if not directory.is_dir():
        raise DataError(f"no data set: {directory} is not a directory; check DATASET_DIR")
    manifest = read_manifest(directory)
    if manifest is not None:
        return manifest.format
    for found, pattern in _SIGNS:
        if next(directory.glob(pattern), None) is not None:
            return found
    return DataFormat.TSV if raw_files(directory) else None


def splits_there(directory: Path, kind: DataFormat) -> tuple[str, ...]:
    """Return which splits of a prepared data set have files in `directory`."""
    if kind in (DataFormat.TORCHREC, DataFormat.MULTIHOT):
        return _splits_of_days(directory)
    if kind is DataFormat.KAGGLE:
        return SPLITS  # all in one file
    return tuple(split for split in SPLITS if any((directory / name).exists() for name in _names(kind, split)))


def _splits_of_days(directory: Path) -> tuple[str, ...]:
    manifest = read_manifest(directory)
    assignment = None if manifest is None else manifest.assignment
    if assignment not in (None, Assignment.DAYS):
        return (str(assignment),)
    return SPLITS if len(list(directory.glob("day_*_labels.npy"))) > 1 else ("val", "test")


def _names(kind: DataFormat, split: str) -> tuple[str, ...]:
    if kind is DataFormat.NVIDIA:
        folder = "validation" if split == "val" else split
        return f"binary_dataset/{folder}", folder
    return (binary_name(split),)


def raw_files(directory: Path) -> list[Path]:
    """Return the files of `directory` that have names of raw ones, in the order of their numbers."""
    named = [path for path in directory.iterdir() if path.is_file() and _RAW_NAME.fullmatch(path.name)]
    return sorted(named, key=lambda path: [int(part) if part.isdigit() else part for part in _parts(path.name)])


def _parts(name: str) -> list[str]:
    return re.split(r"(\d+)", name)  # texts and numbers alternate, so like is compared with like
