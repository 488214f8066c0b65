"""Raw Criteo files into one of the formats: the stages of a preparation, one after the other.

1 raw files into shards (`parse`), 2 ids for the entries of their dictionaries (`identify`), 3 and 4 rows to their
places (`arrange`), then digests and the move out of the workspace. Each stage finds what a stopped job left of it.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pinbench import __version__
from pinbench.contract.data import MANIFEST_SCHEMA, Assignment, DataFile, DataInput, DataManifest, PrepareJob, RowOrder
from pinbench.worker.data.criteo.arrange import ShardPlace
from pinbench.worker.data.criteo.asked import Asked, check
from pinbench.worker.data.criteo.engines import open_stages
from pinbench.worker.data.criteo.form import DayFormat, FirstSeen, Stream, WriteOrders
from pinbench.worker.data.criteo.manifest import CHUNK_BYTES, describe_files
from pinbench.worker.data.criteo.order import Order, UniformOrder
from pinbench.worker.data.criteo.parse import ParsedInputs
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.raw_tsv import STDIN
from pinbench.worker.data.criteo.reference_order import ReferenceOrder
from pinbench.worker.data.criteo.segments import RECORD_BYTES
from pinbench.worker.data.criteo.source import RawFiles, Source
from pinbench.worker.data.criteo.space import SHARD_ROW_BYTES, require_space
from pinbench.worker.data.criteo.stages import Files, Placement, SettleDay, Stages
from pinbench.worker.data.criteo.workspace import Workspace, refuse_existing, workspace


def prepare(job: PrepareJob, progress: Progress) -> DataManifest:
    """Do `job`, or what a stopped one left of it, and return what was written.

    Raises:
        UsageError: the orders contradict each other.
        DataError: an input is damaged, the output exists or does not fit, another job is at work there.
    """
    asked = check(job)
    progress.say(f"inputs in this order: {', '.join(path.name for path in asked.inputs)}")
    return prepare_from(RawFiles(asked.names, job.rows), asked, progress)


def prepare_from(source: Source, asked: Asked, progress: Progress) -> DataManifest:
    """Do what is `asked` with the rows of `source`; raises what `prepare` raises."""
    job, output = asked.job, Path(asked.job.output).absolute()  # tasks on other machines are at home in other folders
    with workspace(output) as space:
        restart = job.restart or STDIN in job.inputs  # what came through a pipe cannot be compared
        if restart or not space.is_whole:
            refuse_existing(output, job.force)
            is_resumed = space.is_begun and not restart
            begun = space.begin(asked.identity(source.stamps()), restart)
            if is_resumed:
                progress.say(f"going on with what was stopped in {space.folder}")
            with open_stages(job, space.folder, begun["cut"], progress) as stages:
                _Preparation(source, asked, space, stages, begun["cut"], is_resumed, progress).run()
        return space.publish()


class _Rows(NamedTuple):
    """What is known when the raw files are parsed."""

    parsed: ParsedInputs
    day_rows: tuple[int, ...]
    places: tuple[ShardPlace, ...]
    streams: tuple[Stream, ...]


class _Preparation:
    """One run of the stages."""

    def __init__(
        self,
        source: Source,
        asked: Asked,
        space: Workspace,
        stages: Stages,
        cut: dict[str, int],
        is_resumed: bool,
        progress: Progress,
    ) -> None:
        self._source = source
        self._asked = asked
        self._space = space
        self._stages = stages
        # Those that the work was begun with: what is half done depends on them, what is written does not.
        self._memory_bytes = cut["memory_bytes"]
        self._threads = cut["threads"]
        self._is_resumed = is_resumed
        self._progress = progress

    def run(self) -> None:
        """Make the set whole."""
        if not self._is_resumed:
            self._require_space()
        rows = self._parse()
        table_rows = self._stages.give_ids(self._asked.rule, rows.places)
        files = self._arrange(rows, table_rows)
        self._progress.say(f"digests of {len(files)} files")
        with ThreadPoolExecutor(1) as pool:  # the disk works while digests are computed
            synced = pool.submit(self._space.sync)
            described = describe_files(self._space.set_folder, files, self._threads)
            synced.result()
        self._space.seal(self._manifest(rows, table_rows, described))

    def _folder(self, name: str) -> Path:
        folder = self._space.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _require_space(self) -> None:
        asked = self._asked
        row_bytes = asked.form.row_bytes() + SHARD_ROW_BYTES + (RECORD_BYTES if asked.is_shuffled else 0)
        require_space(self._source.expected_rows(), self._space.output, row_bytes)

    def _parse(self) -> _Rows:
        parsed = self._source.shards(
            self._folder("shards"), self._memory_bytes, self._threads, self._progress, self._stages.run_pieces
        )
        places, first_row = [], 0
        for day, given in enumerate(parsed.inputs):
            for shard in given.shards:
                places.append(ShardPlace(path=shard.path, first_row=first_row, rows=shard.rows, day=day))
                first_row += shard.rows
        day_rows = tuple(given.rows for given in parsed.inputs)
        return _Rows(parsed, day_rows, tuple(places), self._asked.streams(day_rows))

    def _arrange(self, rows: _Rows, table_rows: tuple[int, ...]) -> Files:
        job, form = self._asked.job, self._asked.form
        orders = WriteOrders(
            folder=self._space.set_folder,
            streams=rows.streams,
            day_rows=rows.day_rows,
            table_rows=table_rows,
            max_ind_range=job.max_ind_range,
            frequency_limit=job.frequency_limit,
            seed=job.seed,
            threads=self._threads,
        )
        placement = Placement(
            folder=self._space.set_folder,
            streams=rows.streams,
            order=self._order(rows),
            open_writer=partial(form.open_writer, orders),
            settle=self._settle(rows),
            is_resumed=self._is_resumed,
        )
        return self._stages.arrange(rows.places, placement)

    def _order(self, rows: _Rows) -> Order | None:
        job = self._asked.job
        if not any(stream.is_shuffled for stream in rows.streams):
            return None
        if job.order is not RowOrder.REFERENCE:
            return UniformOrder(job.seed)
        days = self._asked.reference_days(rows.day_rows)
        return ReferenceOrder(self._folder("rows") / "reference.order", days, job.seed)

    def _settle(self, rows: _Rows) -> SettleDay | None:
        form = self._asked.form
        if not isinstance(form, DayFormat):
            return None
        return SettleDay(settle_day=form.settle_day, minima=self._stages.day_minima(rows.places))

    def _manifest(self, rows: _Rows, table_rows: tuple[int, ...], files: tuple[DataFile, ...]) -> DataManifest:
        job, rule = self._asked.job, self._asked.rule
        splits = [stream.split for stream in rows.streams]
        return DataManifest(
            schema=MANIFEST_SCHEMA,
            dataset=job.dataset,
            format=job.format,
            written_by=__version__,
            engine=job.engine,
            max_ind_range=job.max_ind_range or (rule.modulo if isinstance(rule, FirstSeen) else None),
            frequency_limit=rule.minimum or None,
            assignment=Assignment.DAYS if len(splits) > 1 else Assignment(splits[0]),
            order=self._order_name(rows),
            seed=job.seed,
            table_rows=table_rows,
            inputs=tuple(
                DataInput(name=given.name, size_bytes=given.size_bytes, rows=given.rows) for given in rows.parsed.inputs
            ),
            repairs=rows.parsed.repairs,
            chunk_bytes=CHUNK_BYTES,
            files=files,
            planted_auc=self._source.planted_auc,
        )

    def _order_name(self, rows: _Rows) -> RowOrder:
        if not any(stream.is_shuffled for stream in rows.streams):
            return RowOrder.INPUT
        return self._asked.job.order or RowOrder.UNIFORM
