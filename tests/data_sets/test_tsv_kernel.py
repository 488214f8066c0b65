import ctypes
import mmap

import numpy as np
import pytest
from criteo_rows import GOOD, line, plain_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.tsv_fault import explain_row
from pinbench.worker.data.criteo.tsv_kernel import PAD_BYTES, parse_rows

PROT_NONE = 0  # mprotect(2)
PAGES = 64 * mmap.PAGESIZE


@pytest.fixture(scope="module")
def at_the_edge():
    """A function that puts bytes, and the pad, right before memory that nobody may read."""
    memory = mmap.mmap(-1, PAGES + mmap.PAGESIZE)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(begin + PAGES), mmap.PAGESIZE, PROT_NONE) == 0
    whole = np.frombuffer(memory, np.uint8)

    def put(data):
        text = whole[PAGES - PAD_BYTES - len(data) : PAGES]
        text[: len(data)] = np.frombuffer(data, np.uint8)
        text[len(data) :] = 0
        return text

    return put


class Parsed:
    def __init__(self, text, size, room):
        self.label_R = np.empty(room, np.uint8)
        self.dense_IR = np.empty((13, room), np.int32)
        self.hash_FR = np.empty((26, room), np.uint32)
        self.missing_R = np.empty(room, np.uint32)
        self.rows, self.position, self.returns, self.is_bad = parse_rows(
            text, 0, size, self.label_R, self.dense_IR, self.hash_FR, self.missing_R, 0
        )

    def numbers(self):
        rows = []
        for row in range(self.rows):
            dense = [None if value == MISSING else value for value in self.dense_IR[:, row].tolist()]
            hashes = self.hash_FR[:, row].tolist()
            missing = int(self.missing_R[row])
            assert all(hashes[column] == 0 for column in range(26) if missing >> column & 1)
            rows.append(
                [
                    int(self.label_R[row]),
                    *dense,
                    *[None if missing >> column & 1 else value for column, value in enumerate(hashes)],
                ]
            )
        return rows


def parse(data, room=1000):
    return Parsed(np.frombuffer(data + bytes(PAD_BYTES), np.uint8), len(data), room)


def among_others(row):
    """Return lines of the usual form with `row` as the fourth: together they are read as vectors."""
    return (line() + b"\n") * 3 + row + b"\n" + (line() + b"\n") * 12


def test_numbers_are_read_with_their_signs_and_all_digits():
    fields = {"f1": "-1", "f2": "", "f3": "2147483647", "f4": "-2147483647", "f5": "-0", "f6": "0000000012"}
    parsed = parse(line(**fields, f14="ffffffff", f15="", f16="0000000A", f38="7F", f39="") + b"\n")
    (row,) = parsed.numbers()
    assert row[:8] == [1, -1, None, 2147483647, -2147483647, 0, 12, 5]
    assert row[14:18] == [0xFFFFFFFF, None, 10, 10]
    assert row[38:] == [0x7F, None]


@pytest.mark.parametrize("digits", range(1, 9))
def test_hashes_of_any_length_and_case_are_numbers(digits):
    text = "fEdCbA98"[:digits]
    assert parse(line(f14=text, f20=text, f39=text) + b"\n").numbers()[0][14] == int(text, 16)
    assert parse(line(f14=text, f20=text, f39=text) + b"\n").numbers()[0][39] == int(text, 16)


def test_a_row_of_missing_fields_alone_is_a_row():
    parsed = parse(b"0" + b"\t" * 39 + b"\n" + b"1" + b"\t" * 39 + b"\r\n")
    assert parsed.numbers() == [[0] + [None] * 39, [1] + [None] * 39]
    assert parsed.returns == 1


def test_short_neighbours_that_look_like_one_hash_of_eight_characters_are_two():
    # 3 digits, a tab, 4 digits: eight characters with a tab after them
    assert parse(line(f14="abc", f15="def0") + b"\n").numbers()[0][14:17] == [0xABC, 0xDEF0, 10]


def test_lines_that_end_in_cr_lf_are_rows_and_are_counted():
    block = (line(f39="") + b"\r\n") + (line() + b"\n") + (line() + b"\r\n") + (line(f39="12") + b"\r\n")
    parsed = parse(block)
    assert parsed.numbers() == plain_rows(block)
    assert (parsed.returns, parsed.is_bad) == (3, False)


def test_rows_stop_where_the_columns_are_full_and_where_they_should():
    block = (line() + b"\n") * 200
    full = parse(block, room=130)
    assert (full.rows, full.position, full.is_bad) == (130, 130 * len(line() + b"\n"), False)
    early = Parsed(np.frombuffer(block + bytes(PAD_BYTES), np.uint8), len(line()) + 2, 200)
    assert (early.rows, early.position) == (2, 2 * len(line() + b"\n"))  # the second begins before the stop


@pytest.mark.parametrize("wrong_row", [0, 1, 63, 64, 65, 127, 199])
@pytest.mark.parametrize(
    "bad",
    [line(f30="0000000g"), line() + b"\t1", line()[:-9], line()[2:], line(f0="2"), line(f7="2147483648"), b"", b"\0"],
)
def test_the_first_wrong_row_of_many_is_found(wrong_row, bad):
    block = b"".join((bad if row in (wrong_row, 199) else line()) + b"\n" for row in range(200))
    parsed = parse(block)
    assert (parsed.rows, parsed.is_bad) == (wrong_row, True)
    assert parsed.position == wrong_row * len(line() + b"\n")


@pytest.mark.parametrize("character", sorted(set(range(256)) - set(b"0123456789abcdefABCDEF\t\n")))
def test_every_byte_that_is_no_hexadecimal_digit_is_refused_in_every_place(character):
    for place in range(8):
        text = bytearray(line())
        text[len(text) - 9 * 5 + 1 + place] = character
        parsed = parse(among_others(bytes(text)))
        assert (parsed.is_bad, parsed.rows) == (True, 3), (character, place)


def test_every_hexadecimal_digit_is_read_in_every_place():
    for digit in "0123456789abcdefABCDEF":
        for place in range(8):
            text = "1" * place + digit + "2" * (7 - place)
            numbers = parse(among_others(line(f14=text, f39=text))).numbers()
            assert (numbers[3][14], numbers[3][39], numbers[4][14]) == (int(text, 16), int(text, 16), 10)


@pytest.mark.parametrize("character", sorted(set(range(256)) - set(b"0123456789\t\n")))
def test_every_byte_that_is_no_digit_is_refused_in_an_integer(character):
    for text in (b"%c", b"1%c", b"%c1", b"123%c567", b"-%c", b"12345678%c"):
        field = text % character
        expected = field.startswith(b"-") and field[1:].isdigit()
        parsed = parse(among_others(line().replace(b"\t5", b"\t" + field, 1)))
        assert parsed.is_bad != expected, field
        assert parsed.rows == (16 if expected else 3)


def row_with_long_integers(begin, last):
    """Return a row whose last integer is `last` and begins `begin` bytes after the first."""
    fields = {f"f{column}": "-123" for column in range(2, 12)} | {"f1": "1" * (begin - 52), "f12": ""}
    return line(**fields, f13=last)


@pytest.mark.parametrize("begin", range(53, 60))
@pytest.mark.parametrize("last", ["", "7", "1234567"])
def test_integers_that_just_fill_64_bytes_or_do_not_are_read(begin, last):
    block = among_others(row_with_long_integers(begin, last))
    assert parse(block).numbers() == plain_rows(block)


def test_an_integer_beyond_64_bytes_does_not_stand_for_a_hash_that_is_not_there():
    row = row_with_long_integers(58, "1234567").removesuffix(b"\t0000000a")
    parsed = parse(among_others(row))
    assert (parsed.rows, parsed.is_bad) == (3, True)


@pytest.mark.parametrize("rows", [7, 8, 9, 15, 16, 17, 63, 64, 65, 71, 72, 73])
def test_rows_are_read_whether_they_fill_vectors_or_not(rows):
    block = b"".join(
        line(f1=str(row), f14=f"{row:08x}", f39="" if row % 3 else f"{row:08x}") + b"\n" for row in range(rows)
    )
    parsed = parse(block, room=rows)
    assert parsed.numbers() == plain_rows(block)
    assert (parsed.rows, parsed.position) == (rows, len(block))


integers = st.one_of(st.just(""), st.integers(-(2**31) + 1, 2**31 - 1).map(str), st.integers(-3, 99).map(str))
hashes = st.one_of(
    st.just(""),
    st.integers(0, 2**32 - 1).map("{:08x}".format),
    st.integers(0, 2**32 - 1).map("{:X}".format),
)
good_lines = st.one_of(
    st.just("\t".join(GOOD)),
    st.tuples(
        st.sampled_from("01"), st.lists(integers, min_size=13, max_size=13), st.lists(hashes, min_size=26, max_size=26)
    ).map(lambda parts: "\t".join([parts[0], *parts[1], *parts[2]])),
)
short_integers = st.one_of(st.just(""), st.integers(-9_999_999, 9_999_999).map(str), st.integers(-3, 99).map(str))
whole_hashes = st.one_of(st.just(""), st.integers(0, 2**32 - 1).map("{:08x}".format))
usual_lines = st.tuples(
    st.sampled_from("01"),
    st.lists(short_integers, min_size=13, max_size=13),
    st.lists(whole_hashes, min_size=26, max_size=26),
).map(lambda parts: "\t".join([parts[0], *parts[1], *parts[2]]))
ends = st.sampled_from([b"\n", b"\n", b"\r\n"])


def lines_of(kind, least, most):
    return st.lists(st.tuples(kind.map(str.encode), ends).map(b"".join), min_size=least, max_size=most).map(b"".join)


blocks = st.one_of(
    lines_of(good_lines, 1, 8), st.tuples(lines_of(usual_lines, 8, 17), lines_of(good_lines, 0, 2)).map(b"".join)
)
damage = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "drop", "cut"]),
        st.integers(0, 5000),
        st.sampled_from(b"\t\n\r\0-+0159afgAF@` \xff"),
    ),
    max_size=4,
)


def damaged(block, changes):
    data = bytearray(block)
    for kind, place, character in changes:
        at = place % len(data)
        if kind == "put":
            data[at] = character
        elif kind == "insert":
            data.insert(at, character)
        elif kind == "drop":
            del data[at]
        else:
            del data[at : at + 20]
        data = data or bytearray(b"\n")
    return bytes(data) if data.endswith(b"\n") else bytes(data) + b"\n"


@settings(max_examples=400, deadline=None)
@given(block=blocks, changes=damage)
def test_damaged_blocks_are_read_as_far_as_their_lines_are_rows(at_the_edge, block, changes):
    data = damaged(block, changes)
    lines = data.split(b"\n")[:-1]
    good = next((row for row, text in enumerate(lines) if explain_row(text)), len(lines))
    parsed = Parsed(at_the_edge(data), len(data), len(lines))
    assert (parsed.rows, parsed.is_bad) == (good, good < len(lines))
    assert parsed.position == sum(len(text) + 1 for text in lines[:good])
    assert parsed.returns == sum(text.endswith(b"\r") for text in lines[:good])
    assert parsed.numbers() == plain_rows(b"".join(text + b"\n" for text in lines[:good]))
