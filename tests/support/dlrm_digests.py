"""Runs facebookresearch/dlrm on raw days and writes what its files are, for a test to compare with; run by hand.

``python tests/support/dlrm_digests.py DLRM RAW OUT.json``: DLRM is a checkout of it, RAW has day_0 ... day_23. Needs
what its `data_utils` and `data_loader_terabyte` import, and numpy 1.x: newer ones refuse hashes above 2**31.
"""

import hashlib
import importlib
import json
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np

DAYS, KAGGLE_DAYS = 24, 7  # as its CriteoDataset has them
RANGES = (40_000_000, 1000)  # MLPerf's, and one in which nearly every hash is taken modulo
SPLITS = ("train", "val", "test")


def main(checkout: Path, raw: Path, out: Path) -> None:
    """Write the digests of all files to `out`."""
    sys.path.insert(0, str(checkout))
    days = [raw / f"day_{day}" for day in range(DAYS)]
    found = {
        "numpy": np.__version__,
        "python": platform.python_version(),
        "raw_sha256": hashlib.sha256(b"".join(day.read_bytes() for day in days)).hexdigest(),
        "terabyte": {str(size): terabyte(days, size) for size in RANGES},
        "kaggle": kaggle(days),
    }
    out.write_text(json.dumps(found, indent=1) + "\n")


def terabyte(days: list[Path], max_ind_range: int) -> dict[str, object]:
    """Do what its `ensure_dataset_preprocessed` does, which besides needs the packages of its training."""
    with tempfile.TemporaryDirectory() as name:
        for day in days:
            (Path(name) / day.name).symlink_to(day.resolve())
        np.random.seed(0)
        importlib.import_module("data_utils").getCriteoAdData(
            f"{name}/day", "terabyte_processed", max_ind_range, 0.0, DAYS, "train", "total", False, True, False
        )
        reordered = [f"{name}/day_{day}_reordered.npz" for day in range(DAYS)]
        found: dict[str, object] = {}
        for split in SPLITS:
            binary = Path(name) / f"terabyte_processed_{split}.bin"
            inputs = reordered[:-1] if split == "train" else reordered[-1:]
            importlib.import_module("data_loader_terabyte").numpy_to_binary(inputs, str(binary), split)
            found[binary.name] = hashlib.sha256(binary.read_bytes()).hexdigest()
        return found | {key: arrays(Path(name) / key) for key in ("day_fea_count.npz", "day_day_count.npz")}


def kaggle(days: list[Path]) -> dict[str, object]:
    """Take the rows of all days as its train.txt, and keep all hashes apart."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "train.txt").write_bytes(b"".join(day.read_bytes() for day in days))
        file = importlib.import_module("data_utils").getCriteoAdData(
            f"{name}/train.txt", "processed", -1, 0.0, KAGGLE_DAYS, "train", "total", True, False, False
        )
        return arrays(Path(file))


def arrays(path: Path) -> dict[str, object]:
    """Return of each array its type, its shape and the sha256 of its content."""
    with np.load(path) as archive:
        return {
            key: [array.dtype.str, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]
            for key, array in archive.items()
        }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
