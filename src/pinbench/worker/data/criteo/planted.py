"""A model planted in made-up rows: the law of their labels, and how well the best of models can rank them.

The log-odds of a click are a sum: each of the most frequent values of each category column has an effect of its own,
and each integer one that is linear in log(x + 1), which is how a model takes it. Rare values, empty categories and
empty integers (as 0) count alike in every column, so that no format's way with them hides what a model needs. The
effects are drawn from the seed; their common scale and the bias are set so that rows are clicked as often as Criteo's
and the probabilities themselves, as scores, have an area under the ROC curve of TARGET_AUC. No model does better.

B rows, O columns (13 integers, then 26 categories), R ranges of a law.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.criteo.schema import DENSE_FEATURES
from pinbench.worker.data.criteo.synthetic_rows.alias import Law
from pinbench.worker.data.criteo.synthetic_rows.draw import Recipe, draw_rows, mixed
from pinbench.worker.data.criteo.synthetic_rows.laws import column_laws

CLICK_SHARE = 0.033  # of all 24 days of the Criteo 1TB Click Logs; day 0 begins with 0.021
TARGET_AUC = 0.85  # MLPerf asks 0.8025 of DLRM on Criteo's own rows: that is in reach here, with room above

_KNOWN_RANKS = 128  # values with an effect: even the last of them stands in some of 10,000 rows of most columns
_EFFECT_STREAM = 0xEFFEC7  # apart from the streams of rows, which begin at mixed(seed)
# Days that no data set has: the rows that the scale is set with, and those that the area is stated from.
_SCALE_DAY, _AREA_DAY = 1 << 40, 1 << 41
_SCALE_ROWS, _AREA_ROWS = 1 << 17, 1 << 20
_DRAW_ROWS = 1 << 14
_LARGEST_SCALE, _HALVINGS = 64.0, 16  # scales are multiples of 1/1024: 0.0001 of the area
_UNIT = 1 / 8  # of effects before they are scaled: no probability rounds to 1
_NEWTON_STEPS = 6
_BIAS_STEP = 2.0**-20  # the bias is rounded: the last bit of a CPU's exp must not change any row


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area under the ROC curve and its standard error."""

    auc: float
    standard_error: float
    click_share: float


def plant(table_rows: Sequence[int] | None, seed: int) -> tuple[Recipe, Area]:
    """Return what rows are to be drawn from, and the area that their labels allow.

    Raises:
        UsageError: `table_rows` (None: Criteo's) are not numbers of values.
    """
    laws = column_laws(table_rows)
    unscaled = Recipe(seed=seed, laws=laws, effect_OR=_effects(laws, seed), bias=0.0)
    scale, bias = _calibrated(_log_odds(_clicks(unscaled, _SCALE_DAY, _SCALE_ROWS)))
    recipe = replace(unscaled, effect_OR=unscaled.effect_OR * scale, bias=bias)
    return recipe, bayes_area(_clicks(recipe, _AREA_DAY, _AREA_ROWS))


def bayes_area(click_B: npt.NDArray[np.float64]) -> Area:
    """Return the area that the probabilities `click_B` reach as scores of labels drawn with them.

    It is the share of right pairs among all pairs of two rows, each weighted with the probability that the one is
    clicked and the other not; equal scores are half right. The error is that of a ratio of U-statistics: by how much
    each row's own pairs are more or less often right.
    """
    click_B = np.sort(click_B)
    skip_B = 1 - click_B
    clicks, skips = click_B.sum(), skip_B.sum()
    begin_B, end_B = (np.searchsorted(click_B, click_B, side) for side in ("left", "right"))
    skips_below_B, clicks_below_B = (np.append(0, np.cumsum(part_B)) for part_B in (skip_B, click_B))
    # Means of both ends: ties count half. A row is no pair with itself.
    worse_B = (skips_below_B[begin_B] + skips_below_B[end_B] - skip_B) / 2
    better_B = clicks - (clicks_below_B[begin_B] + clicks_below_B[end_B] + click_B) / 2
    pairs = clicks * skips - (click_B * skip_B).sum()
    auc = float((click_B * worse_B).sum() / pairs)
    own_B = click_B * (worse_B - auc * (skips - skip_B)) + skip_B * (better_B - auc * (clicks - click_B))
    error = float(math.sqrt((own_B**2).sum()) / pairs)
    return Area(auc=auc, standard_error=error, click_share=float(click_B.mean()))


def _effects(laws: Sequence[Law], seed: int) -> npt.NDArray[np.float64]:
    """Return effects of the size `_UNIT`, in the order of the laws' ranges."""
    return np.stack([
        _integer_effect(law, seed, column) if column < DENSE_FEATURES else _category_effect(law, seed, column)
        for column, law in enumerate(laws)
    ])  # fmt: skip


def _integer_effect(law: Law, seed: int, column: int) -> npt.NDArray[np.float64]:
    log_R = np.log1p(np.maximum(law.low_R, 0))
    mean = (law.share_R * log_R).sum()
    spread = math.sqrt((law.share_R * (log_R - mean) ** 2).sum())
    effect_R: npt.NDArray[np.float64] = _effect(seed, column, 0) * (log_R - mean) / spread
    return effect_R


def _category_effect(law: Law, seed: int, column: int) -> npt.NDArray[np.float64]:
    effect_R = np.zeros(len(law.low_R))
    for cell in np.flatnonzero((law.width_R == 1) & (law.low_R >= 0) & (law.low_R < _KNOWN_RANKS)):
        effect_R[cell] = _effect(seed, column, int(law.low_R[cell]))
    return effect_R


def _effect(seed: int, column: int, rank: int) -> float:
    """Return a number evenly drawn, of mean 0 and deviation `_UNIT`."""
    word = mixed(mixed(mixed(seed ^ _EFFECT_STREAM) + column) + rank)
    return (word / (1 << 63) - 1) * math.sqrt(3) * _UNIT


def _clicks(recipe: Recipe, day: int, rows: int) -> npt.NDArray[np.float64]:
    blocks = [draw_rows(recipe, day, first, _DRAW_ROWS).click_B for first in range(0, rows, _DRAW_ROWS)]
    return np.concatenate(blocks)


def _log_odds(click_B: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    odds_B: npt.NDArray[np.float64] = np.log(click_B) - np.log1p(-click_B)
    return odds_B


def _calibrated(odds_B: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the scale and the bias that give `odds_B` the wanted area and share of clicks."""
    low, high = 0.0, _LARGEST_SCALE
    for _ in range(_HALVINGS):
        scale = (low + high) / 2
        if bayes_area(_probability(scale * odds_B + _bias(scale * odds_B))).auc < TARGET_AUC:
            low = scale
        else:
            high = scale
    return low, round(_bias(low * odds_B) / _BIAS_STEP) * _BIAS_STEP


def _bias(odds_B: npt.NDArray[np.float64]) -> float:
    """Return what to add to `odds_B` for the wanted share of clicks: Newton's method on the log-odds of the share."""
    wanted = math.log(CLICK_SHARE / (1 - CLICK_SHARE))
    bias = wanted
    for _ in range(_NEWTON_STEPS):
        click_B = _probability(odds_B + bias)
        share, slope = float(click_B.mean()), float((click_B * (1 - click_B)).mean())
        bias += (wanted - math.log(share / (1 - share))) * share * (1 - share) / slope
    return bias


def _probability(odds_B: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    click_B: npt.NDArray[np.float64] = 1 / (1 + np.exp(-odds_B))
    return click_B
