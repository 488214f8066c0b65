"""What goes wrong in a task, as the one line that our code there said of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.spark.session import log_path

_OURS = re.compile(r"^pinbench\.base\.errors\.\w+: (.+)$", re.MULTILINE)
_ABSENT = re.compile(r"^ModuleNotFoundError: No module named '([^'.]+)", re.MULTILINE)
_THEIRS = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*$", re.MULTILINE)


@contextmanager
def task_faults(session: SparkSession) -> Iterator[None]:
    """Turn what Spark raises into a DataError.

    Raises:
        DataError: of one line, that of the task if it is ours.
    """
    try:
        yield
    except (PySparkException, Py4JError) as error:
        text = str(error)
        if absent := _ABSENT.search(text):
            raise DataError(
                f"the Python of the executors has no {absent[1]}; install it there, or let PYSPARK_PYTHON name one "
                "that has it"
            ) from error
        if ours := _OURS.search(text):
            raise DataError(ours[1]) from error
        theirs = _THEIRS.findall(text) or [text.strip().partition("\n")[0]]
        raise DataError(f"Spark failed: {theirs[0]}; its log: {log_path(session)}") from error
