"""Made-up click logs: raw files, or directly a binary form."""

from pinbench.base.errors import UsageError
from pinbench.contract.data import DataFormat, PlantedFacts, SynthesizeJob
from pinbench.worker.data.criteo.planted import plant
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthetic_rows.fitted import CATEGORIES
from pinbench.worker.data.criteo.synthetic_rows.raw_files import write_raw_files
from pinbench.worker.data.criteo.synthetic_rows.raw_place import raw_place

_SEED_LIMIT = 1 << 64


def synthesize(job: SynthesizeJob, progress: Progress) -> None:
    """Do `job`.

    Raises:
        UsageError: the orders contradict each other.
        DataError: the output exists or does not fit; nothing is left half-written.
    """
    _check(job)
    _synthesize_raw(job, progress)


def _synthesize_raw(job: SynthesizeJob, progress: Progress) -> None:
    with raw_place(job) as place:
        recipe, area = plant(job.table_rows, job.seed)
        progress.say(f"labels: area under the curve {area.auc:.4f} at best, {area.click_share:.2%} clicks")
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


def _check(job: SynthesizeJob) -> None:
    for option, value in (("--days", job.days), ("--rows", job.rows), ("--threads", job.threads)):
        if value < 1:
            raise UsageError(f"{option} must be 1 or more, got {value}")
    if not 0 <= job.seed < _SEED_LIMIT:
        raise UsageError(f"--seed must be from 0 to {_SEED_LIMIT - 1}, got {job.seed}")
    if job.gzip and job.format is not DataFormat.TSV:
        raise UsageError(f"--gzip is for raw rows, not for --format {job.format}; leave it out")
