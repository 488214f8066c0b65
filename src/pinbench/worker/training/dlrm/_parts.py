"""Which tables lie on which rank, and which rows of a batch each rank computes.

Whole tables: a rank that owns the rows of a feature sums all their gradients in one place, in the order of one process.
"""

from collections.abc import Sequence


def tables_of_ranks(table_rows: Sequence[int], ranks: int) -> tuple[tuple[int, ...], ...]:
    """Return the tables of each rank, ascending: the largest goes first, each to the rank with the fewest rows so far.

    Of ranks with equal rows to the one with fewer tables, because each lookup is sent. More ranks than tables leave
    some without any: they compute their part of the batch all the same.
    """
    owned: list[list[int]] = [[] for _ in range(ranks)]
    rows = [0] * ranks
    for table in sorted(range(len(table_rows)), key=lambda table: (-table_rows[table], table)):
        rank = min(range(ranks), key=lambda rank: (rows[rank], len(owned[rank]), rank))
        owned[rank].append(table)
        rows[rank] += table_rows[table]
    return tuple(tuple(sorted(tables)) for tables in owned)


def part_of_rank(rows: int, rank: int, ranks: int) -> range:
    """Return the rows of a batch of `rows` that `rank` computes; parts differ by one row at the most."""
    return range(rows * rank // ranks, rows * (rank + 1) // ranks)
