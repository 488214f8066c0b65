import numpy as np
import pytest

from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.synthetic_rows.draw import DrawnRows
from pinbench.worker.data.criteo.synthetic_rows.text import ROW_TEXT_BYTES, write_text


def text_of(label, dense, hashed, missing):
    rows = DrawnRows(
        label_B=np.array(label, np.uint8),
        dense_IB=np.array(dense, np.int32).T.copy(),
        hash_FB=np.array(hashed, np.uint32).T.copy(),
        missing_B=np.array(missing, np.uint32),
        click_B=np.zeros(len(label)),
    )
    text = np.zeros(len(label) * ROW_TEXT_BYTES, np.uint8)
    return text[: write_text(rows, text)].tobytes().decode()


def test_rows_are_written_as_criteo_writes_them():
    dense = [0, 1, -1, 9, 10, 99, 100, 1_005_389, 2**31 - 1, MISSING, -(2**31 - 1), 7, MISSING]
    hashed = [0, 0, 1, 0xABCDEF01, 0xFFFFFFFF, *range(16, 37)]
    text = text_of([1], [dense], [hashed], [0b10])
    integers = ["0", "1", "-1", "9", "10", "99", "100", "1005389", "2147483647", "", "-2147483647", "7", ""]
    categories = ["00000000", "", "00000001", "abcdef01", "ffffffff", *(f"{value:08x}" for value in range(16, 37))]
    assert text == "\t".join(["1", *integers, *categories]) + "\n"


def test_the_longest_row_fits():
    text = text_of([1], [[-(2**31 - 1)] * 13], [[0xFFFFFFFF] * 26], [0])
    assert len(text) == ROW_TEXT_BYTES == 392


@pytest.mark.parametrize("seed", range(3))
def test_many_rows_read_back_as_they_were(seed):
    random = np.random.default_rng(seed)
    dense = (random.integers(-3, 2**31 - 1, (500, 13)) >> random.integers(0, 31, (500, 13))).astype(np.int32)
    dense[random.random(dense.shape) < 0.3] = MISSING
    hashed = random.integers(0, 2**32, (500, 26))
    missing = random.integers(0, 2**26, 500)
    label = random.integers(0, 2, 500)
    lines = text_of(label, dense, hashed, missing).splitlines()
    assert len(lines) == 500
    for row, line in enumerate(lines):
        fields = line.split("\t")
        assert int(fields[0]) == label[row]
        assert [int(field) if field else MISSING for field in fields[1:14]] == dense[row].tolist()
        for index, field in enumerate(fields[14:]):
            assert (field == "") == bool(missing[row] >> index & 1)
            assert field == "" or (len(field) == 8 and int(field, 16) == hashed[row, index])
