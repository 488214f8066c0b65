"""Words made by hand, and a writer fed as a preparation feeds it: blocks out of order, by threads, some twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pinbench.worker.data.criteo.form import MISSING, WriteOrders


def make_words(rows, table_rows, seed=0, lowest=-3):
    """Rows with every kind of integer: missing, negative, small, large."""
    generator = np.random.default_rng(seed)
    words = np.empty((rows, 40), np.int32)
    words[:, 0] = generator.integers(0, 2, rows)
    words[:, 1:14] = generator.integers(lowest, 30, (rows, 13))
    words[:, 1:14][generator.random((rows, 13)) < 0.1] = 2_000_000_000
    words[:, 1:14][generator.random((rows, 13)) < 0.1] = 70_000
    words[:, 1:14][generator.random((rows, 13)) < 0.2] = MISSING
    for column, ids in enumerate(table_rows):
        words[:, 14 + column] = generator.integers(0, ids, rows)
        words[rows // 2, 14 + column] = ids - 1
    return words


def make_orders(folder, streams, day_rows, table_rows, max_ind_range=None, threads=2):
    return WriteOrders(
        folder=Path(folder),
        streams=streams,
        day_rows=tuple(day_rows),
        table_rows=tuple(table_rows),
        max_ind_range=max_ind_range,
        frequency_limit=None,
        seed=0,
        threads=threads,
    )


def write_blocks(writer, streams, words, block_rows=7):
    """Write `words`, all rows of the input in order, in blocks out of order, each fourth twice."""
    blocks = [
        (stream, first, words[stream.begin + first : min(stream.begin + first + block_rows, stream.end)])
        for stream in streams
        for first in range(0, stream.rows, block_rows)
    ]
    blocks += blocks[::4]
    random.Random(1).shuffle(blocks)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(writer.write, *block) for block in blocks]:
            done.result()
