import gzip

import pytest

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.describe_raw import describe_raw


def row(label, first_integer="5", last_category="ffffffff"):
    return "\t".join([label, first_integer, *["-1"] * 12, *["0000000a"] * 25, last_category]) + "\n"


TEXT = (row("1") + row("0", first_integer="") + row("1", last_category="")).encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_first_rows_are_decoded_and_all_are_counted_on_request(tmp_path, pack):
    path = tmp_path / "day_0"
    path.write_bytes(pack(TEXT))
    found = describe_raw(path, head_rows=2, count=False)
    assert (found.rows, found.labelled_rows, found.clicks) == (None, 2, 1)
    first, second = found.head
    assert (first.label, first.dense[:2], first.sparse[0], first.sparse[-1]) == (1, (5, -1), 10, 0xFFFFFFFF)
    assert second.dense[0] is None
    counted = describe_raw(path, head_rows=0, count=True)
    assert (counted.rows, counted.clicks, counted.head) == (3, 2, ())


def test_a_last_row_without_a_newline_counts(tmp_path):
    path = tmp_path / "day_0"
    path.write_bytes(TEXT + row("1").encode().rstrip(b"\n"))
    found = describe_raw(path, head_rows=9, count=True)
    assert (found.rows, found.clicks, len(found.head)) == (4, 3, 4)


def test_rows_are_counted_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("pinbench.worker.data.criteo.describe_raw._BLOCK_BYTES", 7)
    path = tmp_path / "day_0"
    path.write_bytes(TEXT * 5)
    assert describe_raw(path, head_rows=0, count=True).rows == 15
    assert describe_raw(path, head_rows=0, count=True).clicks == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"day_0 holds no rows; fetch it again"),
        (TEXT + b"1\t2\n", r"day_0, line 4: 2 tab-separated fields instead of 40; correct or remove the line"),
        (TEXT + row("7").encode(), r"day_0, line 4: field 1 \(label\) is '7', not 0 or 1; correct"),
        (
            TEXT + row("1", last_category="xyz").encode(),
            r"day_0, line 4: field 40 \(category 26\) is 'xyz', not a hexa",
        ),
        (gzip.compress(TEXT)[:-20], r"day_0 is damaged or truncated: .*; fetch it again"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path, text, message):
    (tmp_path / "day_0").write_bytes(text)
    with pytest.raises(DataError, match=message):
        describe_raw(tmp_path / "day_0", head_rows=9, count=True)


def test_a_byte_order_mark_and_carriage_returns_are_read_past(tmp_path):
    (tmp_path / "day_0").write_bytes(b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n"))
    found = describe_raw(tmp_path / "day_0", head_rows=3, count=True)
    assert (found.head[0].label, found.head[1].sparse[-1], found.rows, found.clicks) == (1, 0xFFFFFFFF, 3, 2)
