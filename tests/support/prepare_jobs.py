"""Preparations of the 24 synthetic days that the reference programs were run on."""

from pathlib import Path

from criteo_jobs import do

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"


def prepare_reference_days(output, **changes):
    """Prepare them; `changes` are fields of the job. Returns the manifest."""
    return do(output, [REFERENCE / f"day_{day}.gz" for day in range(24)], memory_bytes=1 << 30, **changes)
