"""The stages on a Spark cluster; what `stages.Stages` says of them holds here too."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.arrange import ShardPlace
from pinbench.worker.data.criteo.day_minima import day_minima
from pinbench.worker.data.criteo.form import IdRule
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.spark.arrange import Work, arrange
from pinbench.worker.data.criteo.spark.faults import task_faults
from pinbench.worker.data.criteo.spark.identify import SparkIds, give_ids
from pinbench.worker.data.criteo.spark.parse import PiecesOnSpark
from pinbench.worker.data.criteo.spark.session import open_session
from pinbench.worker.data.criteo.stages import Files, Placement

_TASK_ROWS = 1 << 20  # of a range of the output: 180 MB, which a task sorts in its memory
_MOST_TASKS = 10_000


@contextmanager
def open_stages(master: str, folder: Path, memory_bytes: int, progress: Progress) -> Iterator["SparkStages"]:
    """Yield the stages on the cluster `master`; `folder` must be the same on all of its machines.

    Raises:
        DataError: Spark does not start.
    """
    with open_session(master, folder / "spark", memory_bytes) as session:
        progress.say(f"Spark {session.version} on {master}, {session.sparkContext.defaultParallelism} tasks at a time")
        yield SparkStages(session, progress)


class SparkStages:
    """See `stages.Stages`."""

    def __init__(self, session: SparkSession, progress: Progress):
        self._session = session
        self._progress = progress
        self._ids: SparkIds | None = None

    @property
    def run_pieces(self) -> PiecesOnSpark:
        """See `spark.parse`."""
        return PiecesOnSpark(self._session)

    def give_ids(self, rule: IdRule, shards: Sequence[ShardPlace]) -> tuple[int, ...]:
        """See `spark.identify`."""
        self._progress.say("ids")
        tasks = -(-sum(shard.rows for shard in shards) // _TASK_ROWS)
        tasks = max(self._session.sparkContext.defaultParallelism, min(_MOST_TASKS, tasks))
        self._session.conf.set("spark.sql.shuffle.partitions", str(tasks))
        self._ids = give_ids(rule, [shard.path for shard in shards], self._session)
        return self._ids.table_rows

    def day_minima(self, shards: Sequence[ShardPlace]) -> list[int]:
        """See `day_minima.day_minima`."""
        with task_faults(self._session):
            minima = self._session.sparkContext.parallelize(shards, len(shards)).map(_minimum).collect()
        days = range(1 + max(shard.day for shard in shards))
        return [min(minimum for of, minimum in minima if of == day) for day in days]

    def arrange(self, shards: Sequence[ShardPlace], placement: Placement) -> Files:
        """See `arrange.arrange`."""
        assert self._ids is not None
        self._progress.say("rows")
        # Nothing is kept of what a stopped job wrote here: Spark does not say which tasks were done.
        _clear(placement.folder)
        # The files get their full size here; each task opens them again, and closes them when it has written.
        writer = placement.open_writer(False)
        work = Work(
            shards=shards,
            streams=placement.streams,
            order=placement.order,
            open_writer=partial(placement.open_writer, True),
            settle=placement.settle,
        )
        arrange(work, self._ids, self._session)
        return list(writer.finish())


def _clear(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
        folder.mkdir()
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror}") from error


def _minimum(shard: ShardPlace) -> tuple[int, int]:
    return shard.day, day_minima([shard.path], [0], 1)[0]
