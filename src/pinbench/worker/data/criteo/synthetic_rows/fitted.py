"""What the columns of Criteo's log are like: numbers alone, fitted to published rows and counts.

Categories: `values` different ones over 24 days, where the empty field is one of them if there are empty ones (MLPerf's
DLRM-DCNv2 has tables of these sizes, cut at 40,000,000).
Of the first 1,000 rows of day 0 of the Criteo 1TB Click Logs: the share of empty fields, and the share of the most
frequent value among the others. The further ranks r = 1, 2, ... follow P(r) ~ integral of (x + shift) ** -alpha from
r to r + 1. With `shift` fitted so that two rows share their value as often as two of those rows do, `alpha` is fitted

- above a million values: to how many are seen 15 times or more in 4,373,472,329 rows, which NVIDIA's tables for a
  frequency limit of 15 tell (DeepLearningExamples, DLRM, criteo_f15.yaml);
- from a thousand to a million: to how many different ones stand in those 1,000 rows;
- below a thousand: to the pairs alone, with no shift.

Pairs come within 6 % of the rows', numbers of values seen 15 times within 22 % of NVIDIA's above a million. One day
has fewer different values than a mixture of 24: of the six largest columns the law has up to 1.4 times those of the
1,000 rows. Real columns also depend on each other; here they do not.

Integers: of the same rows the shares of empty fields and of -1, and that of 0 among all. The positive ones are
log-normal with the numbers of `synthetic`.
"""

from typing import NamedTuple


class CategoryShape(NamedTuple):
    """One column of categories."""

    values: int
    missing_share: float
    top_share: float
    alpha: float
    shift: float


class IntegerShape(NamedTuple):
    """One column of integers."""

    missing_share: float
    negative_share: float  # of -1
    zero_share: float


CATEGORIES = (
    CategoryShape(227_605_432, 0.022, 0.382, 1.04, -0.7),
    CategoryShape(39_060, 0.0, 0.139, 1.17, 0.6),
    CategoryShape(17_295, 0.0, 0.030, 1.11, 10.2),
    CategoryShape(7_424, 0.0, 0.273, 1.48, 1.7),
    CategoryShape(20_265, 0.0, 0.213, 1.41, 2.8),
    CategoryShape(3, 0.0, 0.867, 4.00, 0.0),
    CategoryShape(7_122, 0.0, 0.032, 1.22, 13.5),
    CategoryShape(1_543, 0.0, 0.142, 1.56, 2.8),
    CategoryShape(63, 0.0, 0.528, 1.50, 0.0),
    CategoryShape(130_229_467, 0.022, 0.382, 1.07, -0.7),
    CategoryShape(3_067_956, 0.022, 0.382, 1.34, -0.3),
    CategoryShape(405_282, 0.0, 0.259, 1.18, 39.0),
    CategoryShape(10, 0.0, 0.343, 0.89, 0.0),
    CategoryShape(2_209, 0.461, 0.876, 1.07, -0.7),
    CategoryShape(11_938, 0.0, 0.139, 1.30, 1.9),
    CategoryShape(155, 0.461, 0.879, 1.93, 0.0),
    CategoryShape(4, 0.461, 0.852, 1.90, 0.0),
    CategoryShape(976, 0.0, 0.512, 1.68, 0.0),
    CategoryShape(14, 0.0, 0.431, 2.43, 0.0),
    CategoryShape(292_775_614, 0.022, 0.382, 1.04, -0.7),
    CategoryShape(40_790_948, 0.022, 0.382, 1.15, -0.7),
    CategoryShape(187_188_510, 0.022, 0.382, 1.05, -0.7),
    CategoryShape(590_152, 0.461, 0.694, 1.04, -0.7),
    CategoryShape(12_973, 0.0, 0.026, 1.29, 20.4),
    CategoryShape(108, 0.0, 0.524, 1.87, 0.0),
    CategoryShape(36, 0.0, 0.368, 1.88, 0.0),
)

INTEGERS = (
    IntegerShape(0.225, 0.0, 0.0),
    IntegerShape(0.090, 0.0, 0.0),
    IntegerShape(0.251, 0.0, 0.055),
    IntegerShape(0.523, 0.0, 0.013),
    IntegerShape(0.441, 0.0, 0.0),
    IntegerShape(0.088, 0.0, 0.752),
    IntegerShape(0.031, 0.0, 0.939),
    IntegerShape(0.0, 0.055, 0.123),
    IntegerShape(0.0, 0.0, 0.263),
    IntegerShape(0.088, 0.0, 0.755),
    IntegerShape(0.441, 0.0, 0.0),
    IntegerShape(0.014, 0.0, 0.008),
    IntegerShape(0.251, 0.0, 0.013),
)
