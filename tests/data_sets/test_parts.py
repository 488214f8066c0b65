import pytest

from pinbench.worker.data.criteo.parts import part_rows


@pytest.mark.parametrize(
    ("rows", "parts", "expected"),
    [
        (10, 3, (4, 4, 2)),
        (9, 3, (4, 4, 1)),  # lines / parts + 1, even where the parts could be equal
        (2, 3, (1, 1, 0)),
        (0, 2, (0, 0)),
        (7, 1, (7,)),
    ],
)
def test_all_parts_but_the_last_have_the_quotient_and_one_more(rows, parts, expected):
    assert part_rows(rows, parts) == expected


def test_day_0_has_24_parts_of_which_the_last_is_a_little_shorter():
    cut = part_rows(195_841_983, 24)
    assert cut[:23] == (8_160_083,) * 23
    assert (cut[23], sum(cut)) == (8_160_074, 195_841_983)
