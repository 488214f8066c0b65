"""The laws of the 39 columns, from their fitted numbers.

Frequent values have a range of their own each; beyond them ranges widen by the same factor (2 or 3 %), so that equal
shares within one are near the law. R ranges.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.schema import HASH_VALUES, SPARSE_FEATURES
from pinbench.worker.data.criteo.synthetic import LOG_MEAN_I, LOG_SPREAD_I
from pinbench.worker.data.criteo.synthetic_rows.alias import CELLS, Law, make_law
from pinbench.worker.data.criteo.synthetic_rows.fitted import CATEGORIES, INTEGERS, CategoryShape, IntegerShape

NO_RANK = -1  # an empty category
_SINGLE = 500  # values with a range of their own
_RANGES = CELLS - 4  # the others are what is missing, and -1, and two for the ends
_LARGEST = np.iinfo(np.int32).max


def column_laws(table_rows: Sequence[int] | None) -> tuple[Law, ...]:
    """Return the laws of 13 integers (`form.MISSING` where empty), then of 26 ranks (`NO_RANK` where empty).

    Raises:
        UsageError: `table_rows` (None: Criteo's) are not 26 numbers of values that 32 bits can hold.
    """
    values_F = tuple(shape.values for shape in CATEGORIES) if table_rows is None else tuple(table_rows)
    if len(values_F) != SPARSE_FEATURES or not all(1 <= values <= HASH_VALUES for values in values_F):
        raise UsageError(f"--table-rows must be {SPARSE_FEATURES} numbers from 1 to {HASH_VALUES}, got {values_F}")
    integers = [
        _integer_law(shape, float(mean), float(spread))
        for shape, mean, spread in zip(INTEGERS, LOG_MEAN_I, LOG_SPREAD_I, strict=True)
    ]
    categories = [_category_law(_of_size(shape, values)) for shape, values in zip(CATEGORIES, values_F, strict=True)]
    return (*integers, *categories)


def _of_size(shape: CategoryShape, values: int) -> CategoryShape:
    """Return `shape` with so many values in all; an empty field is one of them, as it is to who counts hashes."""
    if values == 1:
        return shape._replace(values=1, missing_share=0.0)
    return shape._replace(values=values - (shape.missing_share > 0))


def _category_law(shape: CategoryShape) -> Law:
    edge_R = _edges(shape.values)
    low_R, width_R = edge_R[:-1], np.diff(edge_R)
    share_R = np.ones(1)
    if shape.values > 1:
        tail_R = np.diff([_power_integral(float(edge), shape) for edge in edge_R[1:]])
        share_R = np.append(shape.top_share, (1 - shape.top_share) * tail_R / tail_R.sum())
    share_R = np.append(shape.missing_share, (1 - shape.missing_share) * share_R)
    floors_R = np.arange(len(share_R)) > 0  # each value of the column can occur
    return make_law(np.append(NO_RANK, low_R), np.append(1, width_R), share_R, floors_R)


def _power_integral(edge: float, shape: CategoryShape) -> float:
    """Return the integral of (x + shift) ** -alpha up to `edge`, without its constant."""
    power = 1 - shape.alpha
    return math.exp(power * math.log(edge + shape.shift)) / power


def _integer_law(shape: IntegerShape, mean: float, spread: float) -> Law:
    edge_R = _edges(_LARGEST + 1)
    low_R, width_R = edge_R[:-1], np.diff(edge_R)
    # A value is the rounded one of a log-normal number: its range begins half below it.
    below_R = [0.0, *(_normal((math.log(float(edge) + 0.5) - mean) / spread) for edge in edge_R[1:-1]), 1.0]
    positive = 1 - shape.missing_share - shape.negative_share - shape.zero_share
    share_R = positive * np.diff(below_R)
    share_R[0] += shape.zero_share
    return make_law(
        np.append([MISSING, -1], low_R),
        np.append([1, 1], width_R),
        np.append([shape.missing_share, shape.negative_share], share_R),
        np.zeros(len(low_R) + 2, np.bool_),
    )


def _normal(deviations: float) -> float:
    return 0.5 * math.erfc(-deviations / math.sqrt(2))


def _edges(end: int) -> npt.NDArray[np.int64]:
    """Return where the ranges of 0 to `end` - 1 begin, and `end`."""
    single = np.arange(min(end, _SINGLE) + 1)
    if end <= _SINGLE:
        return single
    wide = np.rint(np.geomspace(_SINGLE, end, _RANGES - _SINGLE + 1)).astype(np.int64)
    return np.unique(np.append(single, wide))
