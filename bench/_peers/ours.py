"""`pinbench data criteo`, as it is when nothing else is asked for."""

from _peers import Work, read_rows
from pinbench.base.units import GIB
from pinbench.contract.data import DataEngine, DataFormat, PrepareJob
from pinbench.worker.data.criteo.prepare import prepare as prepare_criteo
from pinbench.worker.data.criteo.progress import Progress


def prepare(work: Work) -> None:
    job = PrepareJob(
        dataset="criteo",
        format=DataFormat.MLPERF,
        inputs=tuple(map(str, work.days)),
        output=str(work.output),
        max_ind_range=work.max_ind_range,
        frequency_limit=None,
        assignment=None,
        order=None,
        seed=0,
        rows=None,
        memory_bytes=4 * GIB,
        threads=work.threads,
        engine=DataEngine.LOCAL,
        master=None,
        force=False,
        restart=False,
    )
    prepare_criteo(job, Progress(say=lambda line: None))


def train_rows(work: Work):
    return read_rows(work.output / "terabyte_processed_train.bin")
