"""How much memory batches take, before any is made: B rows each, of a shard that is as long as they need."""

from pinbench.worker.data.criteo.schema import DENSE_FEATURES
from pinbench.worker.data.criteo.stream import ahead

_NUMBER_BYTES = 4  # of form.Rows, and of a Batch but for its ids
_ID_BYTES = 8


def batch_row_bytes(tables: int) -> int:
    """Return what a row takes in a `Batch`."""
    return _NUMBER_BYTES * (DENSE_FEATURES + 1) + _ID_BYTES * tables


def ready_bytes(rows: int, tables: int) -> int:
    """Return what `rows` rows take while `cut` makes batches of them: as they came, converted, and in batches."""
    return rows * (_read_row_bytes(tables) + 2 * batch_row_bytes(tables))


def stream_bytes(batch_size: int, threads: int, tables: int) -> int:
    """Return what a `Stream` takes: its blocks, and what each thread converts for one of them."""
    rows, blocks = ahead(batch_size, threads)
    converting = _read_row_bytes(tables) + batch_row_bytes(tables)
    return rows * (blocks * batch_row_bytes(tables) + threads * converting)


def _read_row_bytes(tables: int) -> int:
    return _NUMBER_BYTES * (DENSE_FEATURES + 1 + tables)
