import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.worker.data.criteo.tsv_block import BadRowError, explain_row, parse_block

GOOD = ["1"] + ["5"] * 13 + ["0000000a"] * 26


def row(**fields):
    values = list(GOOD)
    for name, text in fields.items():
        values[int(name.removeprefix("f"))] = text
    return "\t".join(values).encode()


def test_numbers_are_read_as_the_reference_reads_them():
    block = row(f1="-1", f2="", f3="2147483647", f4="-2147483648", f14="ffffffff", f15="", f39="7F") + b"\n"
    rows = parse_block(block)
    assert rows.label_B.tolist() == [1]
    assert rows.dense_BI[0, :5].tolist() == [-1, 0, 2147483647, -2147483648, 5]
    assert rows.hash_BF[0, [0, 1, 2, 25]].tolist() == [0xFFFFFFFF, 0, 10, 0x7F]


def test_a_row_of_missing_fields_is_a_row_of_zeros():
    rows = parse_block(b"0" + b"\t" * 39 + b"\n")
    assert not rows.dense_BI.any()
    assert not rows.hash_BF.any()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "1 tab-separated fields instead of 40"),
        (row() + b"\t1", "41 tab-separated fields instead of 40"),
        (row()[2:], "39 tab-separated fields instead of 40; rows without a label cannot be used"),
        (row(f0=""), r"field 1 \(label\) is '', not 0 or 1"),
        (row(f0="2"), r"field 1 \(label\) is '2', not 0 or 1"),
        (row(f0="01"), r"field 1 \(label\) is '01'"),
        (row(f1="1.5"), r"field 2 \(integer 1\) is '1.5', not a whole number of 32 bits"),
        (row(f13="-"), r"field 14 \(integer 13\) is '-'"),
        (row(f2="2147483648"), r"field 3 \(integer 2\) is '2147483648'"),
        (row(f2="-2147483649"), "field 3"),
        (row(f2="00000000001"), "field 3"),
        (row(f14="62770g79"), r"field 15 \(category 1\) is '62770g79', not a hexadecimal number of up to 8 digits"),
        (row(f39="123456789"), r"field 40 \(category 26\) is '123456789'"),
        (row(f39="\xff"), "field 40"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_value(bad, reason):
    block = row() + b"\n" + bad + b"\n" + row() + b"\n"
    with pytest.raises(BadRowError, match=reason) as caught:
        parse_block(block)
    assert caught.value.row == 1


def test_two_wrong_rows_that_together_have_the_right_number_of_fields_are_found():
    short, long = row().rpartition(b"\t")[0], row() + b"\t0000000a"
    with pytest.raises(BadRowError, match="39 tab-separated fields") as caught:
        parse_block(row() + b"\n" + short + b"\n" + long + b"\n")
    assert caught.value.row == 1


field = st.text(alphabet="0123456789-+afgF ", max_size=11)


@given(st.lists(field, min_size=40, max_size=40), st.integers(0, 39))
def test_the_vectorised_parser_and_the_explanation_agree(texts, index):
    values = list(GOOD)
    values[index] = texts[index]
    line = "\t".join(values).encode()
    reason = explain_row(line)
    if reason is not None:
        with pytest.raises(BadRowError):
            parse_block(line + b"\n")
        return
    rows = parse_block(line + b"\n")
    words = [rows.label_B[0], *rows.dense_BI[0], *rows.hash_BF[0]]
    base = 16 if index > 13 else 10
    assert int(words[index]) == int(texts[index] or "0", base)


def test_many_random_rows_equal_those_of_a_plain_loop():
    random = np.random.default_rng(1)
    dense = random.integers(-3, 10**6, (300, 13))
    hashes = random.integers(0, 1 << 32, (300, 26))
    lines = [
        "\t".join(["0", *map(str, ints), *[format(value, "x") for value in cats]])
        for ints, cats in zip(dense.tolist(), hashes.tolist(), strict=True)
    ]
    rows = parse_block("".join(line + "\n" for line in lines).encode())
    assert (rows.dense_BI == dense).all()
    assert (rows.hash_BF == hashes).all()
