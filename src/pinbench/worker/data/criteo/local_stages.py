"""The stages in threads of this process."""

from collections.abc import Sequence
from pathlib import Path

from pinbench.worker.data.criteo.arrange import Arrangement, ShardPlace, arrange
from pinbench.worker.data.criteo.day_minima import day_minima
from pinbench.worker.data.criteo.form import IdRule
from pinbench.worker.data.criteo.identify import Ids, give_ids
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.stages import Files, Placement


class LocalStages:
    """See `stages.Stages`."""

    run_pieces = None

    def __init__(self, folder: Path, memory_bytes: int, threads: int, progress: Progress):
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._progress = progress
        self._ids: Ids | None = None

    def give_ids(self, rule: IdRule, shards: Sequence[ShardPlace]) -> tuple[int, ...]:
        """See `identify.give_ids`."""
        paths = [shard.path for shard in shards]
        self._ids = give_ids(rule, paths, self._made("ids"), self._memory_bytes, self._threads, self._progress)
        return self._ids.table_rows

    def day_minima(self, shards: Sequence[ShardPlace]) -> list[int]:
        """See `day_minima.day_minima`."""
        return day_minima([shard.path for shard in shards], [shard.day for shard in shards], self._threads)

    def arrange(self, shards: Sequence[ShardPlace], placement: Placement) -> Files:
        """See `arrange.arrange`."""
        assert self._ids is not None
        work = Arrangement(
            shards=shards,
            ids=self._ids,
            streams=placement.streams,
            order=placement.order,
            writer=placement.open_writer(placement.is_resumed),
            settle=placement.settle,
            folder=self._made("rows"),
            memory_bytes=self._memory_bytes,
            threads=self._threads,
        )
        arrange(work, self._progress)
        return list(work.writer.finish())

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder
