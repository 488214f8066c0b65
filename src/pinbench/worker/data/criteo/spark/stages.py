"""The stages on a Spark cluster; what `stages.Stages` says of them holds here too."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from pinbench.base.errors import DataError, UsageError
from pinbench.worker.data.criteo.arrange import ShardPlace
from pinbench.worker.data.criteo.day_minima import day_minima
from pinbench.worker.data.criteo.form import IdRule
from pinbench.worker.data.criteo.parse import ParsedInputs, parse_inputs
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.raw_tsv import STDIN
from pinbench.worker.data.criteo.spark.arrange import Work, arrange
from pinbench.worker.data.criteo.spark.faults import task_faults
from pinbench.worker.data.criteo.spark.identify import SparkIds, give_ids
from pinbench.worker.data.criteo.spark.parse import PiecesOnSpark
from pinbench.worker.data.criteo.spark.session import open_session
from pinbench.worker.data.criteo.stages import Files, Placement

_TASK_ROWS = 1 << 20  # of a range of the output: 180 MB, which a task sorts in its memory
_MOST_TASKS = 10_000


@contextmanager
def open_stages(
    master: str, folder: Path, memory_bytes: int, threads: int, progress: Progress
) -> Iterator["SparkStages"]:
    """Yield the stages on the cluster `master`; `folder` must be the same on all of its machines.

    Raises:
        DataError: Spark does not start.
    """
    with open_session(master, folder / "spark", memory_bytes) as session:
        progress.say(f"Spark {session.version} on {master}, {session.sparkContext.defaultParallelism} tasks at a time")
        yield SparkStages(session, memory_bytes, threads, progress)


class SparkStages:
    """See `stages.Stages`."""

    def __init__(self, session: SparkSession, memory_bytes: int, threads: int, progress: Progress):
        self._session = session
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._progress = progress
        self._ids: SparkIds | None = None

    def parse(self, inputs: Sequence[str], folder: Path, rows: int | None) -> ParsedInputs:
        """See `parse.parse_inputs`."""
        if STDIN in inputs:
            raise UsageError("--input - cannot be read by several machines; give files, or take --engine local")
        names = [str(Path(name).absolute()) for name in inputs]
        run = PiecesOnSpark(self._session)
        parsed = parse_inputs(names, folder.absolute(), rows, self._memory_bytes, self._threads, self._progress, run)
        total = sum(given.rows for given in parsed.inputs)
        tasks = max(run.width, min(_MOST_TASKS, -(-total // _TASK_ROWS)))
        self._session.conf.set("spark.sql.shuffle.partitions", str(tasks))
        return parsed

    def give_ids(self, rule: IdRule, shards: Sequence[Path]) -> tuple[int, ...]:
        """See `identify.give_ids`."""
        self._progress.say("ids")
        self._ids = give_ids(rule, shards, self._session)
        return self._ids.table_rows

    def day_minima(self, shards: Sequence[Path], days: Sequence[int]) -> list[int]:
        """See `day_minima.day_minima`."""
        context = self._session.sparkContext
        with task_faults(self._session):
            tasks = context.parallelize(list(zip(days, shards, strict=True)), len(shards))
            minima = tasks.map(_minimum).collect()
        return [min(minimum for of, minimum in minima if of == day) for day in range(max(days) + 1)]

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


def _minimum(task: tuple[int, Path]) -> tuple[int, int]:
    day, shard = task
    return day, day_minima([shard], [0], 1)[0]
