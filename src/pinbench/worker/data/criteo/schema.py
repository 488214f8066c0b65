"""The shape of a Criteo click log and the names of its processed files.

Sources: the data set's readme (Criteo 1TB Click Logs: label, 13 integers, 26 hashed categories, tab-separated);
github.com/facebookresearch/dlrm at 090956e, data_utils.py and data_loader_terabyte.py (the processed form).
"""

from collections.abc import Sequence
from pathlib import Path

DENSE_FEATURES = 13
SPARSE_FEATURES = 26
FIELDS = 1 + DENSE_FEATURES + SPARSE_FEATURES

# A processed row: label, 13 integers >= 0, 26 ids; int32 little-endian, no header (data_loader_terabyte.py:251-290)
WORD = "<i4"
ROW_BYTES = 4 * FIELDS
LABEL = 0
DENSE = slice(1, 1 + DENSE_FEATURES)
SPARSE = slice(1 + DENSE_FEATURES, FIELDS)

HASH_VALUES = 1 << 32  # a raw category is at most 8 hexadecimal digits: a modulo of this changes nothing

# Distinct values of each column over the 24 days, after the modulo of 40,000,000: the tables of MLPerf DLRM, as in
# the reference checkpoint tb00_40M.pt (mlcommons/inference, recommendation/dlrm). 187,767,399 rows in all.
TERABYTE_TABLE_ROWS = (
    39_884_406, 39_043, 17_289, 7_420, 20_263, 3, 7_120, 1_543, 63, 38_532_951, 2_953_546, 403_346, 10,
    2_208, 11_938, 155, 4, 976, 14, 39_979_771, 25_641_295, 39_664_984, 585_935, 12_972, 108, 36,
)  # fmt: skip

SPLITS = ("train", "val", "test")
COUNTS_FILE = "day_fea_count.npz"  # ids of each column: key "counts"
DAYS_FILE = "day_day_count.npz"  # rows of each input file: key "total_per_file"


def binary_name(split: str) -> str:
    """Return the name of the file that holds `split`."""
    return f"terabyte_processed_{split}.bin"


def field_name(index: int) -> str:
    """Return how a reader calls the field `index` (from 0) of a raw row."""
    if index == LABEL:
        return "label"
    if index <= DENSE_FEATURES:
        return f"integer {index}"
    return f"category {index - DENSE_FEATURES}"


def capped_rows(counts: Sequence[int], max_ind_range: int | None) -> tuple[int, ...]:
    """Return the rows of each table when ids are taken modulo `max_ind_range` (None: as they are)."""
    return tuple(counts if max_ind_range is None else (min(count, max_ind_range) for count in counts))


def known_files(directory: Path) -> list[Path]:
    """Return the files in `directory` that belong to a processed data set and that are there."""
    names = [*map(binary_name, SPLITS), COUNTS_FILE, DAYS_FILE]
    return [directory / name for name in names if (directory / name).exists()]
