"""Which engine does the stages of a preparation."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import DataEngine, PrepareJob
from pinbench.worker.data.criteo.local_stages import LocalStages
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.raw_tsv import STDIN
from pinbench.worker.data.criteo.stages import Stages

_OF_SPARK = ("pyspark", "pyarrow", "pandas")


@contextmanager
def open_stages(job: PrepareJob, folder: Path, cut: Mapping[str, int], progress: Progress) -> Iterator[Stages]:
    """Yield the stages of the engine of `job`, which keep in `folder` what is needed meanwhile.

    Memory and threads are those of `cut`, which the work was begun with: what is half done depends on them.

    Raises:
        UsageError: the engine cannot do what is asked.
        DataError: the engine is not there, or does not start.
    """
    if job.engine is DataEngine.LOCAL:
        yield LocalStages(folder, cut["memory_bytes"], cut["threads"], progress)
        return
    if STDIN in job.inputs:
        raise UsageError("--input - cannot be read by several machines; give files, or take --engine local")
    _require_spark()
    from pinbench.worker.data.criteo.spark import stages as spark  # here: most installations have no Spark

    assert job.master is not None
    with spark.open_stages(job.master, folder, cut["memory_bytes"], progress) as stages:
        yield stages


def _require_spark() -> None:
    if missing := [name for name in _OF_SPARK if find_spec(name) is None]:
        raise DataError(
            f"--engine spark needs {', '.join(missing)}, which {sys.executable} does not have; let script/env/python "
            f"spark make an environment, or: pip install {' '.join(missing)}"
        )
