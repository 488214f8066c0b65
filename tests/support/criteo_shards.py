"""Shards made by plain loops from rows of text fields."""

from collections import Counter

import numpy as np

from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.shard import Dictionary, Shard, narrow, write_shard


def make_shard(fields):
    columns = list(zip(*fields, strict=True))
    local, dictionaries = [], []
    for texts in columns[14:]:
        entries, counts = {}, Counter(texts)
        ids = np.array([entries.setdefault(text, len(entries)) for text in texts], np.uint32)
        local.append(narrow(ids, len(entries)))
        dictionaries.append(
            Dictionary(
                key_D=np.array([int(text or "0", 16) for text in entries], np.uint32),
                count_D=np.array([counts[text] for text in entries], np.uint32),
                missing=entries.get(""),
            )
        )
    return Shard(
        label_B=np.array(columns[0], np.uint8),
        dense_IB=np.array([[int(text) if text else MISSING for text in texts] for texts in columns[1:14]], np.int32),
        local_FB=local,
        dictionaries=dictionaries,
    )


def write_shards(folder, fields, sizes):
    """Write consecutive shards of so many rows each; return their paths."""
    assert sum(sizes) == len(fields)
    paths, begin = [], 0
    for number, rows in enumerate(sizes):
        paths.append(folder / f"{number}.shard")
        write_shard(paths[-1], make_shard(fields[begin : begin + rows]))
        begin += rows
    return paths
