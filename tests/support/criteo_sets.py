"""Small prepared data sets, written from the documented layouts alone, and manifests for them."""

import hashlib
import json
from pathlib import Path

import numpy as np

from pinbench.base.jsonio import write_json
from pinbench.contract.data import (
    MANIFEST_FILE,
    MANIFEST_SCHEMA,
    Assignment,
    DataEngine,
    DataFile,
    DataFormat,
    DataInput,
    DataManifest,
    Repairs,
    RowOrder,
)

CHUNK_BYTES = 10 << 20  # 65,536 rows of 160 bytes
_SMALL = {5: 3, 12: 10, 16: 4, 18: 14, 25: 36}  # as small as those tables of MLPerf's DLRM-DCNv2
TABLE_ROWS = tuple(_SMALL.get(column, 38 + column) for column in range(26))


def numbered_rows(rows):
    """Return label, integers and ids, whose values tell the row: r % 3 == 0, r + column, (r + column) % table rows."""
    number = np.arange(rows, dtype=np.int32)[:, None]
    label = (number[:, 0] % 3 == 0).astype(np.int32)
    return label, number + np.arange(13, dtype=np.int32), ((number + np.arange(26)) % TABLE_ROWS).astype(np.int32)


def write_mlperf(directory: Path, rows: int, split: str = "test", counts_name: str = "day_fea_count.npz") -> Path:
    directory.mkdir(exist_ok=True)
    label, dense, sparse = numbered_rows(rows)
    words = np.concatenate([label[:, None], dense, sparse], axis=1).astype("<i4")
    words.tofile(directory / f"terabyte_processed_{split}.bin")
    np.savez(directory / counts_name, counts=np.array(TABLE_ROWS, np.int32))
    return directory


def write_manifest(
    directory: Path, kind: DataFormat, rows: int, *, chunk_bytes: int = CHUNK_BYTES, **changes: object
) -> None:
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST_FILE)
    content = {
        "schema": MANIFEST_SCHEMA,
        "dataset": "criteo",
        "format": kind,
        "written_by": "0.1.0",
        "engine": DataEngine.LOCAL,
        "max_ind_range": 40_000_000,
        "frequency_limit": None,
        "assignment": Assignment.TEST,
        "order": RowOrder.INPUT,
        "seed": 7,
        "table_rows": TABLE_ROWS,
        "inputs": (DataInput(name="day_0.gz", size_bytes=12_345, rows=rows),),
        "repairs": Repairs(byte_order_marks=1, carriage_returns=2),
        "chunk_bytes": chunk_bytes,
        "files": tuple(_entry(directory, path, rows if path.suffix == ".bin" else None, chunk_bytes) for path in paths),
    }
    write_json(directory / MANIFEST_FILE, DataManifest(**(content | changes)))


def flip(path: Path, position: int) -> None:
    """Change one bit of the byte at `position`."""
    with path.open("r+b") as file:
        file.seek(position)
        (byte,) = file.read(1)
        file.seek(position)
        file.write(bytes([byte ^ 1]))


def _entry(directory, path, rows, chunk_bytes):
    data = path.read_bytes()
    chunks = [hashlib.sha256(data[begin : begin + chunk_bytes]) for begin in range(0, len(data), chunk_bytes)]
    return DataFile(
        name=path.relative_to(directory).as_posix(),
        size_bytes=len(data),
        sha256=hashlib.sha256(b"".join(chunk.digest() for chunk in chunks)).hexdigest(),
        chunk_sha256=tuple(chunk.hexdigest() for chunk in chunks),
        rows=rows,
    )


def write_nvidia(directory: Path, rows: int) -> Path:
    """One file a column in the narrowest type, float16 logarithms, for the test split alone."""
    folder = directory / "binary_dataset/test"
    folder.mkdir(parents=True)
    label, dense, sparse = numbered_rows(rows)
    label.astype(np.bool_).tofile(folder / "label.bin")
    np.log(dense + 3.0).astype("<f2").tofile(folder / "numerical.bin")
    for column in range(26):
        sparse[:, column].astype(np.int8).tofile(folder / f"cat_{column}.bin")
    categories, numericals = [f"cat_{column}.bin" for column in range(26)], [f"num_{index}" for index in range(13)]
    sizes = dict(zip(categories, TABLE_ROWS, strict=True))
    chunks = [(numericals, "numerical.bin"), (["label"], "label.bin"), *(([name], name) for name in categories)]
    spec = {
        "channel_spec": {"categorical": categories, "label": ["label"], "numerical": numericals},
        "feature_spec": {
            **{name: {"cardinality": size, "dtype": "int8"} for name, size in sizes.items()},
            **{name: {"dtype": "float16"} for name in numericals},
            "label": {"dtype": "bool"},
        },
        "metadata": {},
        "source_spec": {
            "test": [{"type": "split_binary", "features": names, "files": [f"test/{file}"]} for names, file in chunks]
        },
    }
    (directory / "binary_dataset/feature_spec.yaml").write_text(json.dumps(spec))  # JSON is YAML
    return directory


def write_torchrec(directory: Path, rows: int, *, has_one_hot: bool = True) -> Path:
    """Day 0 is train, of day 1 the first half val and the second test."""
    directory.mkdir()
    label, dense, sparse = numbered_rows(rows)
    for day, part in enumerate((slice(0, rows // 3), slice(rows // 3, rows))):
        np.save(directory / f"day_{day}_labels.npy", label[part, None])
        np.save(directory / f"day_{day}_dense.npy", np.log(dense[part] + 2.0).astype(np.float32))
        if has_one_hot:
            np.save(directory / f"day_{day}_sparse.npy", sparse[part])
        else:
            hots = {str(column): np.stack([sparse[part, column]] * (1 + column % 3), axis=1) for column in range(26)}
            np.savez(directory / f"day_{day}_sparse_multi_hot.npz", **hots)
    return directory


def write_kaggle(directory: Path, rows: int, *, is_packed: bool = False) -> Path:
    """All rows in one archive, ids as float64; the last of seven parts is test, then val."""
    directory.mkdir()
    label, dense, sparse = numbered_rows(rows)
    (np.savez_compressed if is_packed else np.savez)(
        directory / "kaggleAdDisplayChallenge_processed.npz",
        X_cat=sparse.astype(np.float64), X_int=dense, y=label, counts=np.array(TABLE_ROWS, np.int32),
    )  # fmt: skip
    return directory
