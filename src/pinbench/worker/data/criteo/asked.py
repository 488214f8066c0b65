"""A preparation as it was asked for, checked before any work begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from pinbench import __version__
from pinbench.base.errors import UsageError
from pinbench.base.plugin import load_plugin
from pinbench.contract.data import DataFormat, PrepareJob, RowOrder
from pinbench.worker.data.criteo import format as formats
from pinbench.worker.data.criteo.form import Format, IdRule, Stream
from pinbench.worker.data.criteo.input_order import in_order_of_time
from pinbench.worker.data.criteo.raw_tsv import STDIN, file_size

_ANY_ROWS = 1 << 30  # to ask a format about a job whose rows are not counted yet


class Asked(NamedTuple):
    """A job and what it works on."""

    job: PrepareJob
    form: Format
    rule: IdRule
    inputs: tuple[Path, ...]

    def streams(self, day_rows: Sequence[int]) -> tuple[Stream, ...]:
        """Return which rows become which split."""
        return self.form.streams(self.job.assignment, day_rows, self.job.order is not RowOrder.INPUT)

    @property
    def names(self) -> list[str]:
        """The inputs as they are given on a command line."""
        return [str(path) for path in self.inputs]

    @property
    def is_shuffled(self) -> bool:
        """Whether rows change their order."""
        return any(stream.is_shuffled for stream in self.streams([_ANY_ROWS] * len(self.inputs)))

    def reference_days(self, day_rows: Sequence[int]) -> Sequence[int]:
        """Return the rows of the files of which the reference's shuffle knows, the held-out one last."""
        days: Sequence[int] = self.form.reference_days(day_rows)  # type: ignore[attr-defined]
        return days

    def identity(self, stamps: Sequence[str]) -> dict[str, Any]:
        """Return what has to be the same for a job to go on where another was stopped, and the cut, which stays.

        `stamps` are those of the rows.
        """
        job = self.job
        return {
            "written_by": __version__,
            "dataset": job.dataset,
            "format": job.format,
            "max_ind_range": job.max_ind_range,
            "frequency_limit": job.frequency_limit,
            "assignment": job.assignment,
            "order": job.order,
            "seed": job.seed,
            "rows": job.rows,
            "inputs": list(stamps),
            "cut": {"memory_bytes": job.memory_bytes, "threads": job.threads},
        }


def check(job: PrepareJob) -> Asked:
    """Return what `job` asks for of its input files.

    Raises:
        UsageError: its orders contradict each other.
        DataError: an input is missing or empty.
    """
    names = [Path(name) for name in job.inputs]
    if STDIN in job.inputs and len(names) > 1:
        raise UsageError("--input - is standard input and all of the input; give it or files")
    inputs = tuple(in_order_of_time(names))
    asked = check_days(job, inputs)
    for path in inputs:
        if str(path) != STDIN:
            file_size(path)
    return asked


def check_days(job: PrepareJob, inputs: tuple[Path, ...]) -> Asked:
    """Return what `job` asks for of days that are called `inputs`, whether or not they are files.

    Raises:
        UsageError: its orders contradict each other.
    """
    form = load_format(job.format)
    asked = Asked(job, form, form.ids(job.max_ind_range, job.frequency_limit), inputs)
    is_shuffled = asked.is_shuffled  # asks the format, which refuses what it cannot do
    if job.order not in (None, RowOrder.INPUT) and not is_shuffled:
        raise UsageError(
            f"--shuffle {job.order} has nothing to do: no rows of this {job.format} set change their order; "
            "leave it away"
        )
    if job.order is RowOrder.REFERENCE:
        _require_reference(job, form, len(inputs))
    return asked


def load_format(name: DataFormat) -> Format:
    """Return the module that writes and reads the format `name`.

    Raises:
        UsageError: it is no format that rows are prepared into.
    """
    if name is DataFormat.TSV:
        raise UsageError("--format tsv is what data sets are prepared from; choose another")
    return cast(Format, load_plugin(formats, name.value))


def _require_reference(job: PrepareJob, form: Format, inputs: int) -> None:
    if not hasattr(form, "reference_days"):
        raise UsageError(f"--shuffle reference is an order of mlperf and wsf; {job.format} knows uniform and input")
    streams = form.streams(job.assignment, [_ANY_ROWS] * inputs, True)
    if len(streams) == 1:
        raise UsageError("--shuffle reference holds the last day out, as the reference does; leave --split away")
