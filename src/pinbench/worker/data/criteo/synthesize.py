"""Made-up click logs: raw files, or directly a binary form."""

from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.base.units import GIB
from pinbench.contract.data import DataEngine, DataFormat, PlantedFacts, PrepareJob, SynthesizeJob
from pinbench.worker.data.criteo.asked import check_days
from pinbench.worker.data.criteo.planted import Area, plant
from pinbench.worker.data.criteo.prepare import prepare_from
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthetic_rows.draw import Recipe, day_names
from pinbench.worker.data.criteo.synthetic_rows.drawn_shards import DrawnDays
from pinbench.worker.data.criteo.synthetic_rows.fitted import CATEGORIES
from pinbench.worker.data.criteo.synthetic_rows.raw_files import write_raw_files
from pinbench.worker.data.criteo.synthetic_rows.raw_place import raw_place

_SEED_LIMIT = 1 << 64
_MEMORY_BYTES = 4 * GIB  # as a preparation takes when nothing else is asked for


def synthesize(job: SynthesizeJob, progress: Progress) -> None:
    """Do `job`.

    Raises:
        UsageError: the orders contradict each other.
        DataError: the output exists or does not fit; nothing is left half-written.
    """
    _check(job)
    if job.format is DataFormat.TSV:
        _make_raw(job, progress)
    else:
        _make_prepared(job, progress)


def _make_prepared(job: SynthesizeJob, progress: Progress) -> None:
    """Make what `prepare` makes of the raw files of the same job, byte by byte."""
    orders = PrepareJob(
        dataset=job.dataset,
        format=job.format,
        inputs=(),
        output=job.output,
        max_ind_range=job.max_ind_range,
        frequency_limit=None,
        assignment=None,
        order=None,
        seed=job.seed,
        rows=None,
        memory_bytes=_MEMORY_BYTES,
        threads=job.threads,
        engine=DataEngine.LOCAL,
        master=None,
        force=job.force,
        restart=job.restart,
    )
    asked = check_days(orders, tuple(map(Path, day_names(job.days))))
    recipe, area = _planted(job, progress)
    prepare_from(DrawnDays(recipe, job, area.auc), asked, progress)


def _make_raw(job: SynthesizeJob, progress: Progress) -> None:
    with raw_place(job) as place:
        recipe, area = _planted(job, progress)
        files = write_raw_files(recipe, job, place.folder, progress)
        place.publish(
            PlantedFacts(
                seed=job.seed,
                table_rows=job.table_rows or tuple(shape.values for shape in CATEGORIES),
                rows=sum(file.rows for file in files),
                clicks=sum(file.clicks for file in files),
                click_share=area.click_share,
                auc=area.auc,
                auc_standard_error=area.standard_error,
                files=tuple(files),
            )
        )


def _planted(job: SynthesizeJob, progress: Progress) -> tuple[Recipe, Area]:
    recipe, area = plant(job.table_rows, job.seed)
    progress.say(f"labels: area under the curve {area.auc:.4f} at best, {area.click_share:.2%} clicks")
    return recipe, area


def _check(job: SynthesizeJob) -> None:
    for option, value in (("--days", job.days), ("--rows", job.rows), ("--threads", job.threads)):
        if value < 1:
            raise UsageError(f"{option} must be 1 or more, got {value}")
    if not 0 <= job.seed < _SEED_LIMIT:
        raise UsageError(f"--seed must be from 0 to {_SEED_LIMIT - 1}, got {job.seed}")
    if job.gzip and job.format is not DataFormat.TSV:
        raise UsageError(f"--gzip is for raw rows, not for --format {job.format}; leave it out")
