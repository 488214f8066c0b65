import _thread
import gzip
import os
import threading

import pytest
from criteo_rows import line, lines, plain_rows
from parsed_rows import input_rows, parse, quiet
from real_rows import REAL, needs_real_rows
from rlimit import largest_file

from pinbench.base.errors import DataError
from pinbench.contract.data import Repairs
from pinbench.worker.data.criteo import parse as parse_module
from pinbench.worker.data.criteo import parse_piece
from pinbench.worker.data.criteo.parse import parse_inputs
from pinbench.worker.data.criteo.progress import Progress

SHARD_BYTES = 20_000
ROWS = 2000  # about 450 kB


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(parse_module, "_SMALLEST_SHARD_BYTES", SHARD_BYTES)


def write(tmp_path, data, name="day_0"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def pack(data):
    return gzip.compress(data, 1)


@pytest.mark.parametrize("packed", [bytes, pack])
@pytest.mark.parametrize("threads", [1, 3])
def test_shards_hold_the_rows_in_their_order(tmp_path, packed, threads):
    paths = [
        write(tmp_path, packed(lines(ROWS)), "day_0"),
        write(tmp_path, packed(lines(3, first=ROWS)), "day_1"),
        write(tmp_path, packed(lines(500, first=7)), "day_2"),
    ]
    parsed = parse(paths, tmp_path / "shards", threads=threads)
    assert input_rows(parsed) == [plain_rows(lines(ROWS)), plain_rows(lines(3, ROWS)), plain_rows(lines(500, 7))]
    assert [given.rows for given in parsed.inputs] == [2000, 3, 500]
    assert [(given.name, given.size_bytes) for given in parsed.inputs] == [
        (path.name, path.stat().st_size) for path in paths
    ]
    assert len(parsed.inputs[0].shards) > 20
    assert max(shard.path.stat().st_size for shard in parsed.inputs[0].shards) < 3 * SHARD_BYTES
    assert parsed.repairs == Repairs()


@pytest.mark.parametrize("packed", [bytes, pack])
def test_rows_much_shorter_than_usual_make_more_shards_and_lose_nothing(tmp_path, packed):
    text = (b"1" + b"\t" * 39 + b"\n") * 3000
    parsed = parse([write(tmp_path, packed(text))], tmp_path / "shards")
    assert input_rows(parsed) == [plain_rows(text)]
    assert {shard.rows for shard in parsed.inputs[0].shards} <= set(range(1, SHARD_BYTES // 131 + 1))


@pytest.mark.parametrize("packed", [bytes, pack])
def test_byte_order_marks_and_windows_line_ends_are_read_and_counted(tmp_path, packed):
    windows = b"\xef\xbb\xbf" + lines(200).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    paths = [write(tmp_path, packed(windows), "day_0"), write(tmp_path, packed(lines(5)), "day_1")]
    parsed = parse(paths, tmp_path / "shards")
    assert input_rows(parsed) == [plain_rows(lines(200)), plain_rows(lines(5))]
    assert parsed.repairs == Repairs(byte_order_marks=1, carriage_returns=199)


@pytest.mark.parametrize("packed", [bytes, pack])
@pytest.mark.parametrize("number", [1, 2, 700, ROWS + 1])
def test_a_bad_row_is_named_by_file_and_line(tmp_path, packed, number):
    text = lines(number - 1) + line(f16="xyz") + b"\n" + lines(ROWS - number + 1)
    path = write(tmp_path, packed(text))
    with pytest.raises(DataError) as caught:
        parse([write(tmp_path, packed(lines(900)), "day_9"), path], tmp_path / "shards")
    assert str(caught.value) == (
        f"{path}, line {number}: field 17 (category 3) is 'xyz', not a hexadecimal number of up to 8 digits"
        "; correct or remove the line, or fetch the file again"
    )


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (line()[2:], r"39 tab-separated fields instead of 40 \(rows without a label cannot be used\)"),
        (line() + b"\t", "41 tab-separated fields instead of 40"),
        (b"", "the line is empty; correct or remove the line, or fetch the file again"),
        (b"1", "1 tab-separated field instead of 40"),
        (line(f0="3"), r"field 1 \(label\) is '3', not 0 or 1"),
        (line(f2="1\0"), r"field 3 \(integer 2\) is '1\\x00', not a whole number"),
        (b"\xef\xbb\xbf" + line(), r"field 1 \(label\) is '\\ufeff1'"),
    ],
)
def test_each_fault_of_a_row_is_said(tmp_path, bad, complaint):
    with pytest.raises(DataError, match=f"line 301: {complaint}"):
        parse([write(tmp_path, lines(300) + bad + b"\n" + lines(300))], tmp_path / "shards")


def test_the_line_of_a_fault_is_right_after_a_part_was_kept(tmp_path):
    text = lines(900) + line(f5="?") + b"\n"
    for packed in (bytes, pack):
        path = write(tmp_path, packed(text))
        for _ in range(2):
            with pytest.raises(DataError, match=r"day_0, line 901: field 6"):
                parse([path], tmp_path / f"shards-{packed.__name__}")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (pack(lines(ROWS))[:-100], "day_0 is truncated: its gzip stream ends early"),
        (pack(b""), "day_0 holds no rows; fetch it again"),
        (b"\xef\xbb\xbf", "day_0 is truncated: it ends within a row"),
        (lines(10)[:-4], "day_0 is truncated: it ends within a row"),
        (b"", "day_0 is empty"),
        (bytes(1 << 20), "a line is longer than"),
    ],
)
def test_a_file_that_is_no_criteo_text_is_named(tmp_path, data, complaint):
    with pytest.raises(DataError, match=complaint):
        parse([write(tmp_path, data)], tmp_path / "shards")


@pytest.mark.parametrize("packed", [bytes, pack])
@pytest.mark.parametrize("wanted", [1, 90, 91, 1000, ROWS - 1, ROWS, ROWS + 1, ROWS + 150, 5 * ROWS])
def test_the_first_rows_of_all_inputs_are_taken(tmp_path, packed, wanted):
    paths = [write(tmp_path, packed(lines(ROWS, ROWS * day)), f"day_{day}") for day in range(3)]
    everything = plain_rows(lines(3 * ROWS))[:wanted]
    for _ in range(2):  # the second time from the shards of the first
        parsed = parse(paths, tmp_path / "shards", rows=wanted)
        assert [row for rows in input_rows(parsed) for row in rows] == everything
        assert [given.rows for given in parsed.inputs] == [min(max(wanted - day * ROWS, 0), ROWS) for day in range(3)]


def test_inputs_after_the_rows_that_are_wanted_are_not_read(tmp_path):
    bad = write(tmp_path, b"rubbish\n", "day_1")
    assert parse([write(tmp_path, lines(50)), bad], tmp_path / "shards", rows=50).inputs[1].rows == 0
    with pytest.raises(DataError, match="day_1, line 1"):
        parse([write(tmp_path, lines(50)), bad], tmp_path / "shards", rows=51)


class HereError(Exception):
    pass


def stop_after(monkeypatch, shards):
    """Let the parse end when so many shards are written; return the list of those that are written from now on."""
    written, real = [], parse_piece.write_shard

    def write_shard(path, shard):
        if len(written) == shards:
            raise HereError
        written.append(path.name)
        real(path, shard)

    monkeypatch.setattr(parse_piece, "write_shard", write_shard)
    return written


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.shard")}


@pytest.mark.parametrize("packed", [bytes, pack])
@pytest.mark.parametrize("shards", [0, 1, 2, 5, 23])
def test_a_stopped_parse_goes_on_and_cuts_as_the_first_would_have(tmp_path, monkeypatch, packed, shards):
    paths = [write(tmp_path, packed(lines(1200, day)), f"day_{day}") for day in range(2)]
    whole = parse(paths, tmp_path / "whole")
    with monkeypatch.context() as patch:
        written = stop_after(patch, shards)
        with pytest.raises(HereError):
            parse(paths, tmp_path / "shards")
        assert len(written) == shards
    with monkeypatch.context() as patch:
        written_later = stop_after(patch, None)
        again = parse_inputs([str(path) for path in paths], tmp_path / "shards", None, 1 << 40, 1, quiet())
    assert not set(written) & set(written_later)
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")
    assert input_rows(again) == input_rows(whole)
    with monkeypatch.context() as patch:
        stop_after(patch, 0)
        assert parse(paths, tmp_path / "shards") == again


@pytest.mark.parametrize("packed", [bytes, pack])
@pytest.mark.parametrize("damage", ["torn", "gone", "other rows"])
def test_shards_that_are_not_whole_are_made_again(tmp_path, packed, damage):
    path = write(tmp_path, packed(lines(ROWS)))
    before = contents_of_parse(path, tmp_path)
    names = sorted(before)
    broken = tmp_path / "shards" / names[4]
    if damage == "torn":
        broken.write_bytes(before[names[4]][:-10])
    elif damage == "gone":
        broken.unlink()
    else:
        broken.write_bytes(before[names[-1]])
    assert contents_of_parse(path, tmp_path) == before


def contents_of_parse(path, tmp_path):
    assert input_rows(parse([path], tmp_path / "shards")) == [plain_rows(lines(ROWS))]
    return contents(tmp_path / "shards")


@pytest.mark.parametrize("torn", [b'{"input": 0, "pie', b"\0\0\0"])
def test_a_torn_line_of_the_journal_is_dropped(tmp_path, torn):
    path = write(tmp_path, lines(ROWS))
    parse([path], tmp_path / "shards")
    with (tmp_path / "shards/parsed.jsonl").open("ab") as journal:
        journal.write(torn)
    for _ in range(2):
        assert input_rows(parse([path], tmp_path / "shards")) == [plain_rows(lines(ROWS))]


def test_a_file_that_changed_is_parsed_anew(tmp_path):
    path = write(tmp_path, lines(ROWS))
    parse([path], tmp_path / "shards")
    write(tmp_path, lines(ROWS, 1))
    os.utime(path, ns=(1, 1))
    assert input_rows(parse([path], tmp_path / "shards")) == [plain_rows(lines(ROWS, 1))]


@pytest.mark.parametrize("packed", [bytes, pack])
def test_an_interrupt_ends_all_threads_and_the_parse_can_go_on(tmp_path, monkeypatch, packed):
    paths = [write(tmp_path, packed(lines(ROWS, day)), f"day_{day}") for day in range(4)]
    before, real = set(threading.enumerate()), parse_piece.write_shard
    written = []

    def write_shard(path, shard):
        real(path, shard)
        written.append(path)
        if len(written) == 3:
            _thread.interrupt_main()

    with monkeypatch.context() as patch:
        patch.setattr(parse_piece, "write_shard", write_shard)
        with pytest.raises(KeyboardInterrupt):
            parse(paths, tmp_path / "shards", threads=3)
    assert set(threading.enumerate()) == before
    assert input_rows(parse(paths, tmp_path / "shards")) == [plain_rows(lines(ROWS, day)) for day in range(4)]


def test_an_error_in_one_file_stops_the_others(tmp_path, monkeypatch):
    paths = [write(tmp_path, lines(100) + b"oops\n", "day_0"), write(tmp_path, lines(20 * ROWS), "day_1")]
    written, real = [], parse_piece.write_shard
    monkeypatch.setattr(parse_piece, "write_shard", lambda path, shard: (written.append(path), real(path, shard)))
    with pytest.raises(DataError, match="day_0, line 101: 1 tab-separated"):
        parse(paths, tmp_path / "shards")
    assert len(written) < 400  # of about 450


def feed(handle, data):
    def write_all():
        with os.fdopen(handle, "wb") as file:
            file.write(data)

    threading.Thread(target=write_all).start()


@pytest.mark.parametrize("packed", [bytes, pack])
def test_standard_input_is_parsed_and_never_kept(tmp_path, packed, stdin):
    parse_of_nothing = tmp_path / "shards"
    feed(stdin, packed(lines(ROWS)))
    parsed = parse(["-"], parse_of_nothing)
    assert input_rows(parsed) == [plain_rows(lines(ROWS))]
    assert (parsed.inputs[0].name, parsed.inputs[0].size_bytes) == ("-", None)
    with pytest.raises(DataError, match="standard input holds no rows"):  # it is at its end now
        parse(["-"], parse_of_nothing)


def test_a_fault_of_standard_input_is_named(tmp_path, stdin):
    feed(stdin, lines(500) + line()[:-20] + b"\n" + lines(20))
    with pytest.raises(DataError, match="standard input, line 501: 38 tab-separated fields"):
        parse(["-"], tmp_path / "shards")


def test_waiting_for_standard_input_can_be_interrupted(tmp_path, monkeypatch, stdin):
    real = parse_piece.open_stdin

    def open_stdin(check):
        _thread.interrupt_main()
        return real(check)

    monkeypatch.setattr(parse_piece, "open_stdin", open_stdin)
    with pytest.raises(KeyboardInterrupt):
        parse(["-"], tmp_path / "shards")
    os.close(stdin)


@pytest.mark.parametrize("packed", [bytes, pack])
def test_the_progress_counts_all_rows_and_bytes_once(tmp_path, packed):
    path = write(tmp_path, packed(lines(ROWS)))
    for _ in range(2):
        said, now_s = [], iter(range(0, 10**6, 10))
        parse([path], tmp_path / "shards", threads=1, progress=Progress(said.append, lambda now_s=now_s: next(now_s)))
        assert said[-1].startswith("criteo: parse 100%, 2,000 rows")


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    path = write(tmp_path, lines(ROWS))
    with largest_file(9_000), pytest.raises(DataError, match=r"cannot write .*\.shard: File too large"):
        parse([path], tmp_path / "shards")
    assert input_rows(parse([path], tmp_path / "shards")) == [plain_rows(lines(ROWS))]


@needs_real_rows
@pytest.mark.parametrize("packed", [bytes, pack])
def test_real_rows_are_read_as_plain_python_reads_them(tmp_path, packed):
    text = REAL.read_bytes()
    parsed = parse([write(tmp_path, packed(text))], tmp_path / "shards")
    assert input_rows(parsed) == [plain_rows(text)]
    assert parsed.inputs[0].rows == 1000
