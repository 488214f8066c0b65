"""Orders for preparations of the 24 synthetic days that the reference programs were run on."""

from dataclasses import replace
from pathlib import Path

from pinbench.contract.data import DataEngine, DataFormat, PrepareJob
from pinbench.worker.data.criteo.prepare import prepare
from pinbench.worker.data.criteo.progress import Progress

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"

_JOB = PrepareJob(
    dataset="criteo",
    format=DataFormat.MLPERF,
    inputs=tuple(str(REFERENCE / f"day_{day}.gz") for day in range(24)),
    output="",
    max_ind_range=None,
    frequency_limit=None,
    assignment=None,
    order=None,
    seed=0,
    rows=None,
    memory_bytes=1 << 30,
    threads=2,
    engine=DataEngine.LOCAL,
    master=None,
    force=False,
    restart=False,
)


def prepare_reference_days(output, **changes):
    """Prepare them; `changes` are fields of the job. Returns the manifest."""
    return prepare(replace(_JOB, output=str(output), **changes), Progress(say=lambda line: None))
