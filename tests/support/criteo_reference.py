"""What facebookresearch/dlrm does, in plain loops: ids by first appearance, and its shuffle.

Written from its description (data_utils.py:557-706 and 974-1158 at 090956e), row by row, for small data.
"""

import numpy as np


def first_seen_ids(days, modulo):
    """Return for all days the rows [label, 13 integers, 26 ids], and how many ids each column has."""
    known = [{} for _ in range(26)]
    encoded = []
    for day in days:
        rows = []
        for fields in day:
            values = [int(field or "0", 16) % modulo for field in fields[14:]]
            ids = [column.setdefault(value, len(column)) for column, value in zip(known, values, strict=True)]
            rows.append([int(fields[0]), *(max(0, int(field or "0")) for field in fields[1:14]), *ids])
        encoded.append(rows)
    return encoded, [len(column) for column in known]


def shuffled_train(days, seed):
    """Return the rows of all days but the last in the order that the two passes give them."""
    random = np.random.RandomState(seed)
    buckets = [[] for _ in days[:-1]]
    for number, day in enumerate(days):
        drawn = random.randint(low=0, high=len(days) - 1, size=len(day))
        if number == len(days) - 1:
            break
        for row, bucket in zip(day, drawn, strict=True):
            while len(buckets[bucket]) >= len(days[bucket]):
                bucket = random.randint(low=0, high=len(days) - 1)
            buckets[bucket].append(row)
    return [bucket[index] for bucket in buckets for index in random.permutation(len(bucket))]
