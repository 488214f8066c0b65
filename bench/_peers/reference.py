"""What facebookresearch/dlrm does to Criteo's days (data_utils.py at 090956e), step by step in the same way.

Lines are cut and converted one by one, values are collected in one dictionary per column, each day goes through three
compressed archives, and rows through two passes of a shuffle with buckets in files: all that makes up its time.
"""

from pathlib import Path
from typing import Any

import numpy as np

from _peers import DENSE, FIELDS, SPARSE, Work, read_rows, write_halves

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(work: Work) -> None:
    random = np.random.RandomState(0)
    totals = [_count(path) for path in work.days]
    known: list[dict[Any, int]] = [{} for _ in range(SPARSE)]
    for day, path in enumerate(work.days):
        _parse_day(path, work.output / f"day_{day}.npz", totals[day], known, work.max_ind_range)
    for column in known:
        for number, value in enumerate(column):
            column[value] = number
    for day in range(len(totals)):
        _number_day(work.output / f"day_{day}.npz", work.output / f"processed_{day}.npz", known)
    _spread(work.output, totals, random)
    _permute(work.output, totals, random)
    _join(work.output, len(totals))


def train_rows(work: Work) -> Array:
    return read_rows(work.output / "terabyte_processed_train.bin")


def _count(path: Path) -> int:
    with path.open() as file:
        return sum(1 for _ in file)


def _parse_day(path: Path, target: Path, rows: int, known: list[dict[Any, int]], modulo: int) -> None:
    labels = np.zeros(rows, np.int32)
    integers = np.zeros((rows, DENSE), np.int32)
    values = np.zeros((rows, SPARSE), np.int32)
    with path.open() as file:
        for row, text in enumerate(file):
            fields = text.split("\t")
            for position, field in enumerate(fields):
                if field in {"", "\n"}:
                    fields[position] = "0"
            labels[row] = np.int32(fields[0])
            integers[row] = np.array(fields[1 : 1 + DENSE], dtype=np.int32)
            numbers = [int(field, 16) % modulo for field in fields[1 + DENSE :]]
            values[row] = np.array(numbers, dtype=np.int32)
            for column in range(SPARSE):
                known[column][values[row][column]] = 1
    np.savez_compressed(target, integers=integers, values=values.T, labels=labels)


def _number_day(source: Path, target: Path, known: list[dict[Any, int]]) -> None:
    with np.load(source) as day:
        values, integers, labels = day["values"], day["integers"], day["labels"]
    numbers = np.zeros(values.shape)
    for column in range(SPARSE):
        for row, value in enumerate(values[column, :]):
            numbers[column, row] = known[column][value]
    integers[integers < 0] = 0
    np.savez_compressed(target, ids=numbers.T, integers=integers, labels=labels)


def _spread(folder: Path, totals: list[int], random: np.random.RandomState) -> None:
    """First pass of the shuffle: each row of the train days into a bucket at random that is not full."""
    for day, rows in enumerate(totals):
        np.save(folder / f"bucket_labels_{day}.npy", np.zeros(rows))
        np.save(folder / f"bucket_integers_{day}.npy", np.zeros((rows, DENSE)))
        np.save(folder / f"bucket_ids_{day}.npy", np.zeros((rows, SPARSE)))
    filled = [0] * len(totals)
    for day, rows in enumerate(totals):
        with np.load(folder / f"processed_{day}.npz") as processed:
            parts = {"labels": processed["labels"], "integers": processed["integers"], "ids": processed["ids"]}
        buckets: list[list[int]] = [[] for _ in totals]
        drawn = random.randint(low=0, high=len(totals) - 1, size=rows)
        for row in range(rows):
            bucket = day
            if day < len(totals) - 1:
                bucket = drawn[row]
                while filled[bucket] + len(buckets[bucket]) >= totals[bucket]:
                    bucket = random.randint(low=0, high=len(totals) - 1)
            buckets[bucket].append(row)
        for bucket, chosen in enumerate(buckets):
            begin, end = filled[bucket], filled[bucket] + len(chosen)
            for name, part in parts.items():
                stored = np.load(folder / f"bucket_{name}_{bucket}.npy", mmap_mode="r+")
                stored[begin:end] = part[chosen]
                del stored
            filled[bucket] = end


def _permute(folder: Path, totals: list[int], random: np.random.RandomState) -> None:
    """Second pass: each bucket of a train day by itself."""
    for day, rows in enumerate(totals):
        parts = {name: np.load(folder / f"bucket_{name}_{day}.npy") for name in ("labels", "integers", "ids")}
        order: Any = random.permutation(range(rows)) if day < len(totals) - 1 else range(rows)
        np.savez_compressed(folder / f"reordered_{day}.npz", **{name: part[order] for name, part in parts.items()})


def _join(folder: Path, days: int) -> None:
    """All days into the files that training reads, as 32-bit integers."""
    with (folder / "terabyte_processed_train.bin").open("wb") as train:
        for day in range(days):
            with np.load(folder / f"reordered_{day}.npz") as reordered:
                rows = np.zeros((len(reordered["labels"]), FIELDS), np.int32)
                rows[:, 0] = reordered["labels"]
                rows[:, 1 : 1 + DENSE] = reordered["integers"]
                rows[:, 1 + DENSE :] = reordered["ids"]
            if day < days - 1:
                rows.tofile(train)
            else:
                write_halves(folder, rows)
