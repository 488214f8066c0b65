"""What can be wrong with raw files and disks, through the command line: one line, nothing half-written, or a count."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from criteo_jobs import contents
from criteo_rows import line, lines, plain_rows
from no_override import obey_permissions
from rlimit import largest_file

from pinbench.base.errors import DataError
from pinbench.harness.cli import data, main
from pinbench.worker.data import main as child
from pinbench.worker.data.criteo import local_stages
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile

ROOT = Path(__file__).parents[2]
ROWS = 300
GOOD = lines(ROWS)
WAY_OUT = "; correct or remove the line, or fetch the file again"
OUTPUT = "set"


@pytest.fixture(autouse=True)
def _at_work(tmp_path, monkeypatch):
    """The child's work is done in this process: starting one takes a second and more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PINBENCH_ACCEPT_LICENSE", "criteo-1tb,criteo-kaggle")
    monkeypatch.setattr(data, "run_job", lambda command, reads_stdin: child.main(command[3:]))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def prepare(*words):
    return main(["data", "criteo", "--input", "day_0", "--output", OUTPUT, *words])


def complaint(errors):
    """Return the one line of an error, which is the last; all others tell the progress."""
    told, last = errors.splitlines()[:-1], errors.splitlines()[-1]
    assert all(text.startswith("criteo: ") for text in told), errors
    return last.removeprefix("pinbench: ")


def left_behind(folder=OUTPUT):
    """Return what the output has, but for the place from which the command can go on."""
    return sorted(path.name for path in Path(folder).glob("*") if path.name != ".preparing")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(f16="0000000g"), "field 17 (category 3) is '0000000g', not a hexadecimal number of up to 8 digits"),
        (line()[2:], "39 tab-separated fields instead of 40 (rows without a label cannot be used)"),
        (line() + b"\t7", "41 tab-separated fields instead of 40"),
        (b"", "the line is empty"),
        (line(f0="2"), "field 1 (label) is '2', not 0 or 1"),
        (line(f0=""), "field 1 (label) is '', not 0 or 1"),
        (
            line(f3="2147483648"),
            "field 4 (integer 3) is '2147483648', not a whole number from -2147483647 to 2147483647",
        ),
        (
            line(f13="-99999999999"),
            "field 14 (integer 13) is '-99999999999', not a whole number from -2147483647 to 2147483647",
        ),
        (line().replace(b"\t", b" "), "1 tab-separated field instead of 40"),
        (b"\xef\xbb\xbf" + line(), "field 1 (label) is '\\ufeff1', not 0 or 1"),
    ],
)
@pytest.mark.parametrize("command", ["criteo", "describe"])
def test_a_bad_line_in_the_middle_is_named_with_the_way_out(capsys, pack, bad, reason, command):
    Path("day_0").write_bytes(pack(GOOD + bad + b"\n" + GOOD))
    code = prepare() if command == "criteo" else main(["data", "describe", "day_0", "--head", "1000"])
    said = capsys.readouterr()
    assert (code, complaint(said.err)) == (1, f"day_0, line {ROWS + 1}: {reason}{WAY_OUT}")
    assert left_behind() == []
    if command == "criteo":
        assert said.out == ""


PACKED = gzip.compress(GOOD)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (PACKED[:-100], "day_0 is truncated: its gzip stream ends early; fetch it again"),
        (PACKED[:-3], "day_0 is truncated: its gzip stream ends early; fetch it again"),
        (PACKED[:-8] + bytes(8), "day_0 is damaged: CRC check failed "),
        (b"", "day_0 is empty; fetch it again"),
        (gzip.compress(b""), "day_0 holds no rows; fetch it again"),
        (GOOD[:-4], "day_0 is truncated: it ends within a row, after b'00000'; fetch it again"),
        (bytes(1 << 20), "day_0: a line is longer than 64.0 KiB; not Criteo TSV"),
        (GOOD.replace(b"\n", b"\r") * 2, "day_0: a line is longer than 64.0 KiB; not Criteo TSV"),
    ],
)
@pytest.mark.parametrize("form", ["mlperf", "nvidia", "kaggle"])
def test_a_file_that_is_not_whole_or_no_text_is_named_with_the_way_out(capsys, content, wanted, form):
    Path("day_0").write_bytes(content)
    assert prepare("--format", form) == 1
    assert complaint(capsys.readouterr().err).startswith(wanted)
    assert left_behind() == []


def rows_there():
    file = BinaryFile(Path(OUTPUT), "test")
    return [int(integer) for integer in file.read(0, file.rows).dense_BI[:, 0]]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "repaired", "counts"),
    [
        (GOOD.replace(b"\n", b"\r\n"), ["300 line(s) ended in CR LF"], (0, 300)),
        (GOOD.replace(b"\n", b"\r\n", 7), ["7 line(s) ended in CR LF"], (0, 7)),
        (b"\xef\xbb\xbf" + GOOD, ["1 byte-order mark(s) skipped"], (1, 0)),
        (
            b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n"),
            ["1 byte-order mark(s) skipped", "300 line(s) ended in CR LF"],
            (1, 300),
        ),
        (GOOD.removesuffix(b"\n"), [], (0, 0)),
    ],
    ids=["CR LF", "some CR LF", "mark", "mark and CR LF", "no last newline"],
)
def test_what_is_repaired_is_counted_and_changes_no_row(capsys, pack, content, repaired, counts):
    Path("day_0").write_bytes(pack(content))
    assert prepare() == 0
    told = [text.partition("repaired: ")[2] for text in capsys.readouterr().out.splitlines() if "repaired: " in text]
    assert told == repaired
    found = json.loads(Path(OUTPUT, "manifest.json").read_text())["repairs"]
    assert (found["byte_order_marks"], found["carriage_returns"]) == counts
    assert rows_there() == [row[1] for row in plain_rows(GOOD)]
    assert main(["data", "describe", OUTPUT]) == 0
    text = f"repaired: {counts[0]} byte-order marks, {counts[1]} lines with CR LF"
    assert (text in capsys.readouterr().out) == bool(repaired)


def test_after_the_line_is_corrected_the_command_says_how_to_begin_again_and_does(capsys):
    Path("day_0").write_bytes(GOOD + line(f0="2") + b"\n")
    assert prepare() == 1
    Path("day_0").write_bytes(GOOD + line(f0="1") + b"\n")
    capsys.readouterr()
    assert prepare() == 1
    assert "or --restart to forget it" in complaint(capsys.readouterr().err)
    assert prepare("--restart") == 0
    assert len(rows_there()) == ROWS + 1


def test_a_missing_file_and_a_directory_are_named_with_the_way_out(capsys):
    assert prepare() == 1
    assert complaint(capsys.readouterr().err) == "cannot read day_0: No such file or directory; check --input"
    Path("day_0").mkdir()
    assert prepare() == 1
    assert complaint(capsys.readouterr().err) == (
        "day_0 is not a file; give the raw files themselves, e.g. --input day_0/day_*.gz"
    )
    assert not Path(OUTPUT).exists()


@pytest.mark.parametrize("stage", ["give_ids", "arrange"])
@pytest.mark.parametrize("form", ["mlperf", "wsf", "nvidia", "torchrec", "multihot", "kaggle"])
def test_a_full_disk_is_named_and_after_it_the_same_command_ends_the_work(capsys, monkeypatch, form, stage):
    """The largest file that the disk takes grows until all fit, from the begin and from a later stage on."""
    Path("day_0").write_bytes(lines(2000))
    words = ["--format", form, *([] if form == "nvidia" else ["--max-ind-range", "1000"])]
    assert main(["data", "criteo", "--input", "day_0", "--output", "whole", *words]) == 0  # and numba has compiled
    with monkeypatch.context() as patch:
        patch.setattr(local_stages, stage, stopped)
        assert prepare(*words) == 1
    capsys.readouterr()
    refused, size_bytes, code = [], 1000, 1  # enough for the orders of the child
    while code:
        with largest_file(size_bytes):
            code = prepare(*words)
        if code:
            said = complaint(capsys.readouterr().err)
            fault = re.fullmatch("cannot write (.*): File too large; make room and run the command again", said)
            assert fault, said
            assert f"/{OUTPUT}" in fault[1]
            assert (code, left_behind()) == (1, [])
            refused.append(Path(fault[1]).name)
        size_bytes = size_bytes * 3 // 2
    assert len(refused) >= 3, refused
    assert contents(Path(OUTPUT)) == contents(Path("whole"))


def stopped(*arguments):
    raise DataError("stopped")


@pytest.mark.parametrize("form", ["mlperf", "kaggle"])
def test_a_disk_that_is_full_from_the_begin_is_named_by_the_first_file(capsys, form):
    Path("day_0").write_bytes(lines(2000))
    assert main(["data", "criteo", "--input", "day_0", "--output", "whole", "--format", form]) == 0
    capsys.readouterr()
    with largest_file(60_000):
        assert prepare("--format", form) == 1
    assert re.fullmatch(
        r"cannot write .*/\.preparing/shards/.*\.shard: File too large; make room and run the command again",
        complaint(capsys.readouterr().err),
    )
    assert left_behind() == []
    assert prepare("--format", form) == 0
    assert contents(Path(OUTPUT)) == contents(Path("whole"))


def test_made_up_rows_on_a_full_disk_leave_nothing(capsys):
    with largest_file(10_000):
        assert main(["data", "synthetic", "--rows", "3000", "--output", OUTPUT]) == 1
    assert complaint(capsys.readouterr().err).endswith("day_0: File too large; make room and run the command again")
    assert left_behind() == []


def test_a_full_disk_where_a_package_keeps_its_files_is_one_line_too(capsys, monkeypatch):
    def full(job, progress):
        raise OSError(28, "No space left on device")

    Path("day_0").write_bytes(GOOD)
    monkeypatch.setattr("pinbench.worker.data.criteo.prepare.prepare", full)
    assert prepare() == 1
    assert complaint(capsys.readouterr().err) == (
        "cannot write a file: No space left on device; make room and run the command again"
    )


def as_a_user(*words):
    """Run a command without root's rights over files; return its exit code and the last line of its errors."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "pinbench", "data", *words],
        env=environment, preexec_fn=obey_permissions, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1].removeprefix("pinbench: ")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["criteo", "--input", "day_0", "--output", OUTPUT], "cannot read day_0: Permission denied"),
        (["describe", "day_0"], "cannot read day_0: Permission denied"),
        (
            ["criteo", "--input", "hidden/day_0", "--output", OUTPUT],
            "cannot read hidden/day_0: Permission denied; check --input",
        ),
        (["describe", "hidden"], "cannot read hidden: Permission denied"),
        (["describe", "hidden/day_0"], "no data set: cannot read hidden/day_0: Permission denied"),
        (["criteo", "--input", "day_1", "--output", "locked"], "cannot write {here}/locked: Permission denied"),
        (["criteo", "--input", "day_1", "--output", "locked/set"], "cannot write {here}/locked/set: Permission denied"),
        (["synthetic", "--rows", "5", "--gzip", "--output", "locked"], "cannot write locked: Permission denied"),
    ],
)
def test_what_permissions_forbid_is_named(tmp_path, words, wanted):
    for name, mode in (("day_0", 0), ("day_1", 0o400)):
        Path(name).write_bytes(GOOD)
        Path(name).chmod(mode)
    for name, mode in (("hidden", 0), ("locked", 0o500)):
        Path(name).mkdir()
        Path(name, "day_0").write_bytes(GOOD)
        Path(name).chmod(mode)
    assert as_a_user(*words) == (1, wanted.format(here=tmp_path))
    assert left_behind() == []
    assert left_behind("locked") == ["day_0"]


def test_a_process_and_its_child_say_the_same_as_one(tmp_path):
    """All else here is one process; this is the command as it is typed."""
    Path("day_0").write_bytes(GOOD + b"\n" + GOOD)
    assert as_a_user("criteo", "--input", "day_0", "--output", OUTPUT) == (
        1, f"day_0, line {ROWS + 1}: the line is empty{WAY_OUT}",
    )  # fmt: skip
