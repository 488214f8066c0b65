"""The real Criteo rows that lie beside a checkout where somebody put them; their licence keeps them out of it."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PINBENCH_SHARED", Path(__file__).parents[2] / "../shared"))
REAL = SHARED / "real/criteo/terabyte_day0_head_1000.tsv"

needs_real_rows = pytest.mark.skipif(
    not REAL.exists(), reason="no real Criteo rows beside this checkout (PINBENCH_SHARED)"
)
