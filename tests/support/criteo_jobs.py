"""Preparations and raw rows for tests."""

import numpy as np

from pinbench.contract.data import DataEngine, DataFormat, PrepareJob
from pinbench.worker.data.criteo.prepare import prepare
from pinbench.worker.data.criteo.progress import Progress


def quiet():
    return Progress(say=lambda line: None)


def make_job(inputs, output, **change):
    orders = {
        "dataset": "criteo", "format": DataFormat.MLPERF, "inputs": tuple(map(str, inputs)), "output": str(output),
        "max_ind_range": None, "frequency_limit": None, "assignment": None, "order": None, "seed": 0, "rows": None,
        "memory_bytes": 64 << 20, "threads": 2, "engine": DataEngine.LOCAL, "master": None,
        "force": False, "restart": False,
    }  # fmt: skip
    return PrepareJob(**(orders | change))


def do(output, inputs, **change):
    return prepare(make_job(inputs, output, **change), quiet())


def raw_fields(rows, seed=0, values=300):
    """Rows of text fields: some missing, some integers negative, categories of a few hundred values."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows)
    dense = random.integers(-3, 5000, (rows, 13))
    categories = random.integers(0, values, (rows, 26)) ** 2 * 2_654_435_761 % (1 << 32)
    missing = random.random((rows, 39)) < 0.1
    return [
        [str(labels[row])]
        + ["" if missing[row, i] else str(dense[row, i]) for i in range(13)]
        + ["" if missing[row, 13 + i] else f"{categories[row, i]:08x}" for i in range(26)]
        for row in range(rows)
    ]


def write_raw(path, fields):
    path.write_text("".join("\t".join(row) + "\n" for row in fields))
    return path


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
