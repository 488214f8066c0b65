"""How many digits of a KPI are worth printing."""

import math

_SIGNIFICANT_DIGITS = 6  # finer than any benchmark repeats itself
_DECIMALS = 2


def rounded(value: float) -> float:
    """Return `value` to six significant digits or two decimals, whichever is finer."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, max(_DECIMALS, _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value)))))
