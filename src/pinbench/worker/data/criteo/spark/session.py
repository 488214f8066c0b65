"""A Spark session of our own: quiet, and with this package on its executors.

Spark 4 runs on Java 17 or later. What it and its Java say goes to a file: of a user's mistake they would say a hundred
lines. What a cluster needs besides (memory of executors, addresses) it takes from its own spark-defaults.conf.
"""

import os
import re
import shutil
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from pinbench.base.errors import DataError
from pinbench.base.units import GIB, MIB
from pinbench.worker.data.criteo.spark.package import package_root, write_package

LOG_FILE = "spark.log"

# Py4J: a first line of its own, then ": ", the class of the exception, and what it says
_SAID_BY_JAVA = re.compile(r"^: (?:[\w.$]+: )?(.+)$", re.MULTILINE)
_LOOPBACK = "127.0.0.1"
_LOG_SETTINGS = """\
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %c: %m%n%ex
"""


@contextmanager
def open_session(master: str, folder: Path, memory_bytes: int) -> Iterator[SparkSession]:
    """Yield a session on `master`, or the one that is active in this process; its log and other files are in `folder`.

    Raises:
        DataError: there is no Java, or none that Spark runs on, or the cluster does not answer.
    """
    if active := SparkSession.getActiveSession():
        yield active
        return
    _require_java()
    folder.mkdir(parents=True, exist_ok=True)
    session = _started(_conf(master, folder.absolute(), memory_bytes), master, folder)
    try:
        if not _is_local(master):
            session.sparkContext.addPyFile(str(write_package(folder)))
        yield session
    finally:
        _stop(session)


def log_path(session: SparkSession) -> str:
    """Return where the log of `session` is, as far as we chose it."""
    return str(session.conf.get("spark.pinbench.log", "the log of Spark"))


def why_not(error: str, log: Path) -> str:
    """Return in one line why Spark did not start, given what it raised and its log."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if "UnsupportedClassVersionError" in text:
        return "the Java here is too old for it; install Java 17 or later, or let JAVA_HOME name one"
    said = _SAID_BY_JAVA.search(error)
    return said[1] if said else error.partition("\n")[0]


def _conf(master: str, folder: Path, memory_bytes: int) -> SparkConf:
    settings = folder / "log4j2.properties"
    settings.write_text(_LOG_SETTINGS.format(log=folder / LOG_FILE), encoding="utf-8")
    conf = SparkConf().setMaster(master).setAppName("pinbench data")
    conf.set("spark.pinbench.log", str(folder / LOG_FILE))
    conf.set("spark.ui.enabled", "false")
    conf.set("spark.ui.showConsoleProgress", "false")
    conf.set("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={settings.as_uri()}")
    conf.set("spark.driver.maxResultSize", "0")  # what comes back is small, but of as many tasks as there are
    conf.set("spark.sql.warehouse.dir", str(folder / "warehouse"))
    if _is_local(master):
        conf.set("spark.driver.host", _LOOPBACK)
        conf.set("spark.driver.bindAddress", _LOOPBACK)
        conf.set("spark.driver.memory", f"{max(GIB, memory_bytes // 2) // MIB}m")
        conf.set("spark.local.dir", str(folder / "local"))
        conf.set("spark.executorEnv.PYTHONPATH", str(package_root()))
    return conf


def _is_local(master: str) -> bool:
    return master == "local" or master.startswith("local[")


def _started(conf: SparkConf, master: str, folder: Path) -> SparkSession:
    log = folder / LOG_FILE
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with log.open("ab") as file:
            # Java says things before it reads how to log, and so may the Python of tasks: not to our user.
            gateway = launch_gateway(conf, {"stdout": file, "stderr": file})
        context = SparkContext(conf=conf, gateway=gateway)
    except (PySparkException, Py4JError, OSError) as error:
        raise DataError(f"Spark does not start on {master}: {why_not(str(error), log)}; its log: {log}") from error
    finally:
        for number, handler in handlers.items():  # Spark sets its own, which would leave without our clean-up
            signal.signal(number, handler)
    if _is_local(master):
        context.pythonExec = sys.executable  # whatever PYSPARK_PYTHON says, which is of the machines of a cluster
    return SparkSession(context)


def _stop(session: SparkSession) -> None:
    # After a signal it may be in the middle of a conversation with its Java, or that got the signal too. What is left
    # of it ends with this process, when its standard input does.
    with suppress(Py4JError, PySparkException, OSError), warnings.catch_warnings(action="ignore"):
        session.stop()


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if home and not Path(home, "bin", "java").is_file():
        raise DataError(f"JAVA_HOME={home} has no bin/java; correct it, or unset it to use the java in PATH")
    if not home and shutil.which("java") is None:
        raise DataError(
            "--engine spark needs Java 17 or later, and there is no java in PATH; install it, or take --engine local"
        )
