"""The Spark engine against the local one, byte for byte, on two cores of this machine; skipped where Spark is not."""

import gzip
import importlib.util
import lzma
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from criteo_jobs import make_job

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import DataEngine, DataFormat, RowOrder
from pinbench.worker.data.criteo.parse import parse_inputs
from pinbench.worker.data.criteo.prepare import prepare
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.spark.package import write_package

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"
DAYS = [REFERENCE / f"day_{day}.gz" for day in range(24)]
MIB = 1 << 20


def missing_of_spark():
    absent = [name for name in ("pyspark", "pyarrow", "pandas") if importlib.util.find_spec(name) is None]
    return absent + ([] if shutil.which("java") or os.environ.get("JAVA_HOME") else ["java"])


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    if missing := missing_of_spark():
        pytest.skip(f"no {', '.join(missing)} here; script/env/python spark installs all but java")
    from pinbench.worker.data.criteo.spark.session import open_session

    with pytest.MonkeyPatch.context() as patch:
        # A minute of Java is over before its better compiler has paid for itself.
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        with open_session("local[2]", tmp_path_factory.mktemp("session"), 2 << 30) as session:
            yield session


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Two files: one of three pieces, with a byte-order mark and CR LF ends; one without last newline."""
    folder = tmp_path_factory.mktemp("raw")
    text = b"".join(gzip.decompress(path.read_bytes()) for path in DAYS)
    (folder / "day_0").write_bytes(b"\xef\xbb\xbf" + (2 * text).replace(b"\n", b"\r\n"))
    (folder / "day_1").write_bytes(text[: text.index(b"\n", 200_000)])
    assert (folder / "day_0").stat().st_size > 2 * MIB
    return [folder / "day_0", folder / "day_1"]


def job(output, inputs, data_format=DataFormat.MLPERF, **changes):
    orders = make_job(
        inputs, output, format=data_format, seed=1, engine=DataEngine.SPARK, master="local[2]",
        memory_bytes=8 * MIB,  # pieces of 1 MiB
    )  # fmt: skip
    return replace(orders, **changes)


def do(orders):
    return prepare(orders, Progress(say=lambda line: None))


def on_both(tmp_path, inputs, data_format, **changes):
    spark = do(job(tmp_path / "spark", inputs, data_format, **changes))
    local = do(job(tmp_path / "local", inputs, data_format, engine=DataEngine.LOCAL, master=None, **changes))
    return spark, local


def parse(session, inputs, folder):
    from pinbench.worker.data.criteo.spark.parse import PiecesOnSpark

    progress = Progress(say=lambda line: None)
    return parse_inputs([str(path) for path in inputs], folder, None, 8 * MIB, 2, progress, PiecesOnSpark(session))


def bytes_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_order_of_the_reference_gives_its_bytes(session, tmp_path):
    manifest = do(job(tmp_path, DAYS, order=RowOrder.REFERENCE, seed=0))
    train = lzma.decompress((REFERENCE / "terabyte_processed_train.bin.xz").read_bytes())
    assert (tmp_path / "terabyte_processed_train.bin").read_bytes() == train
    for name in ("terabyte_processed_test.bin", "terabyte_processed_val.bin"):
        assert (tmp_path / name).read_bytes() == (REFERENCE / name).read_bytes()
    assert (manifest.engine, manifest.order, manifest.inputs[3].rows) == ("spark", "reference", 250)
    assert not (tmp_path / ".preparing").exists()


@pytest.mark.parametrize(
    ("data_format", "inputs", "changes"),
    [
        (DataFormat.MLPERF, slice(2), {"max_ind_range": 50}),
        (DataFormat.NVIDIA, slice(2), {"frequency_limit": 3, "seed": 7}),
        (DataFormat.TORCHREC, slice(2), {"frequency_limit": 3, "rows": 12_100}),
        (DataFormat.MULTIHOT, slice(2), {"max_ind_range": 100, "rows": 5_000, "assignment": "train"}),
        (DataFormat.KAGGLE, slice(1), {}),
        (DataFormat.WSF, slice(1), {"order": RowOrder.REFERENCE}),
    ],
)
def test_both_engines_write_the_same_bytes(session, plain, tmp_path, data_format, inputs, changes):
    spark, local = on_both(tmp_path, plain[inputs], data_format, **changes)
    assert spark == replace(local, engine=DataEngine.SPARK)
    there, here = bytes_of(tmp_path / "spark"), bytes_of(tmp_path / "local")
    assert sum(map(len, here.values())) > 800_000
    del there[Path("manifest.json")], here[Path("manifest.json")]
    assert there == here


def test_repairs_are_counted_over_all_pieces(session, plain, tmp_path):
    repairs = parse(session, plain, tmp_path / "shards").repairs
    assert (repairs.byte_order_marks, repairs.carriage_returns) == (1, 12_000)


def test_a_wrong_row_is_named_by_file_and_line_in_one_line(session, plain, tmp_path):
    lines = plain[0].read_bytes().split(b"\r\n")
    lines[9_000] = lines[9_000].replace(b"\t", b" ", 1)
    (tmp_path / "raw").write_bytes(b"\n".join(lines))
    with pytest.raises(DataError) as caught:
        do(job(tmp_path / "set", [tmp_path / "raw"]))
    assert (
        str(caught.value)
        == f"{tmp_path}/raw, line 9001: 39 tab-separated fields instead of 40 (rows without a label cannot be used)"
        "; correct or remove the line, or fetch the file again"
    )


def test_a_gzip_file_that_ends_early_is_named_and_the_other_shards_stay(session, plain, tmp_path):
    (tmp_path / "cut.gz").write_bytes(DAYS[1].read_bytes()[:-2000])
    inputs = [plain[0], tmp_path / "cut.gz"]
    with pytest.raises(DataError, match=r"cut\.gz is truncated: its gzip stream ends early; fetch it again"):
        parse(session, inputs, tmp_path / "shards")
    shards = {path: path.stat().st_mtime_ns for path in (tmp_path / "shards").glob("000-*.shard")}
    assert len(shards) == 3
    with pytest.raises(DataError, match="truncated"):
        parse(session, inputs, tmp_path / "shards")
    assert {path: path.stat().st_mtime_ns for path in shards} == shards


def test_a_fault_of_our_own_in_a_task_is_its_one_line(session):
    from pinbench.worker.data.criteo.spark.faults import task_faults

    def fail(batches):
        raise DataError("cannot write /out: No space left on device")

    with pytest.raises(DataError, match=r"^cannot write /out: No space left on device$"), task_faults(session):
        session.range(1).mapInArrow(fail, "id bigint").collect()


def test_another_fault_in_a_task_is_named_with_where_the_log_is(session):
    from pinbench.worker.data.criteo.spark.faults import task_faults

    with pytest.raises(DataError) as caught, task_faults(session):
        session.sparkContext.parallelize([0]).map(lambda number: 1 // number).collect()
    message = str(caught.value)
    assert message.startswith("Spark failed: ZeroDivisionError: integer division or modulo by zero; its log: /")
    assert message.endswith("spark.log")
    assert "\n" not in message
    assert Path(message.rpartition("its log: ")[2]).exists()


def test_a_package_that_the_executors_lack_is_named(session):
    from pinbench.worker.data.criteo.spark.faults import task_faults

    with pytest.raises(DataError) as caught, task_faults(session):
        session.sparkContext.parallelize([0]).map(lambda number: __import__("not_there.at_all")).collect()
    assert str(caught.value) == (
        "the Python of the executors has no not_there; install it there, or let PYSPARK_PYTHON name one that has it"
    )


def test_signals_are_still_ours(session):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_standard_input_is_refused(tmp_path):
    with pytest.raises(
        UsageError, match="--input - cannot be read by several machines; give files, or take --engine local"
    ):
        do(job(tmp_path / "set", ["-"]))


def test_absent_packages_are_one_line_that_says_how_to_get_them(tmp_path, monkeypatch):
    for name in ("pyspark", "pyarrow", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError) as caught:
        do(job(tmp_path / "set", DAYS[:2]))
    assert str(caught.value) == (
        f"--engine spark needs pyspark, pyarrow, pandas, which {sys.executable} does not have; let script/env/python "
        "spark make an environment, or: pip install pyspark pyarrow pandas"
    )


def test_an_absent_java_is_one_line(tmp_path, monkeypatch):
    if missing := [name for name in missing_of_spark() if name != "java"]:
        pytest.skip(f"no {', '.join(missing)} here")
    from pinbench.worker.data.criteo.spark import session as of_spark

    monkeypatch.setattr(of_spark.SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(DataError, match="--engine spark needs Java 17 or later, and there is no java in PATH"):
        do(job(tmp_path / "set", DAYS[:2]))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(DataError, match=f"JAVA_HOME={tmp_path} has no bin/java"), ExitStack() as stack:
        stack.enter_context(of_spark.open_session("local[2]", tmp_path / "session", MIB))


def test_a_java_that_is_too_old_and_a_cluster_that_is_away_are_told_apart(tmp_path):
    if missing := [name for name in missing_of_spark() if name != "java"]:
        pytest.skip(f"no {', '.join(missing)} here")
    from pinbench.worker.data.criteo.spark.session import why_not

    log = tmp_path / "spark.log"
    away = (
        "An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.\n"
        ": org.apache.spark.SparkException: Master removed our application: All masters are unresponsive!\n\tat org..."
    )
    assert why_not(away, log) == "Master removed our application: All masters are unresponsive!"
    log.write_text('Exception in thread "main" java.lang.UnsupportedClassVersionError: class file version 61.0\n')
    assert why_not("[JAVA_GATEWAY_EXITED] Java gateway process exited", log) == (
        "the Java here is too old for it; install Java 17 or later, or let JAVA_HOME name one"
    )


def test_executors_can_use_the_package_as_it_is_sent(tmp_path):
    """Compiled code, too: numba keeps that of a zip file elsewhere."""
    package = write_package(tmp_path)
    program = (
        "import numpy, pinbench.worker.data.criteo.order as order; "
        "print(order.__file__, order.UniformOrder(1).keys(0, 1)[0])"
    )
    environment = {**os.environ, "PYTHONPATH": str(package), "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    where, key = done.stdout.split()
    assert where == f"{package}/pinbench/worker/data/criteo/order.py"
    from pinbench.worker.data.criteo.order import UniformOrder

    assert int(key) == UniformOrder(1).keys(0, 1)[0]


def test_the_same_package_is_the_same_bytes_and_holds_code_alone(tmp_path):
    (tmp_path / "other").mkdir()
    package = write_package(tmp_path)
    assert package.read_bytes() == write_package(tmp_path / "other").read_bytes()
    with zipfile.ZipFile(package) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".py"}
        assert "pinbench/worker/data/criteo/tsv_kernel.py" in archive.namelist()
