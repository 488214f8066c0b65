"""Made-up raw Criteo days, for the comparisons that read some."""

import os
from pathlib import Path

from pinbench.contract.data import DataFormat, SynthesizeJob
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthesize import synthesize


def make_days(folder: Path, rows: int, days: int) -> list[Path]:
    """Return the plain files of `days` days with `rows` rows each, made in `folder`."""
    job = SynthesizeJob(
        dataset="criteo",
        format=DataFormat.TSV,
        output=str(folder),
        days=days,
        rows=rows,
        seed=0,
        max_ind_range=None,
        table_rows=None,
        gzip=False,
        threads=os.cpu_count() or 1,
        force=False,
        restart=False,
    )
    synthesize(job, Progress(say=lambda line: None))
    return [folder / f"day_{day}" for day in range(days)]
