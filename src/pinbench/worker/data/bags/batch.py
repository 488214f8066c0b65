"""The samples of one step, multi-hot.

B samples, I dense features, F sparse features, N ids of all bags together.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class BagBatch:
    """Bags lie behind each other, those of one sample together, so that a sample is one run of ids.

    Ids are rows of all tables behind each other (a table's first row is added when the batch is made, as a loader
    does), so that one lookup serves all tables.
    """

    dense_BI: Tensor  # float32
    row_N: Tensor  # int64
    offset_K: Tensor  # int64, B * F + 1: where each bag begins, in the order of the samples, and the end of the last


def bag_bytes(*, samples: int, dense: int, tables: int, mean_ids: float) -> int:
    """Return what `samples` take in batches, with `mean_ids` ids a bag."""
    return round(samples * (4 * dense + 8 * tables * (mean_ids + 1)))
