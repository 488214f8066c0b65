"""1,000 real rows into every format and back, against a plain reading of their text."""

import math
from collections import Counter

import numpy as np
import pytest
from criteo_jobs import do
from criteo_rows import plain_rows
from real_rows import REAL, needs_real_rows

from pinbench.contract.data import DataFormat, RowOrder
from pinbench.worker.data.criteo.describe import read_description
from pinbench.worker.data.criteo.description import FileState
from pinbench.worker.data.criteo.format import multihot, torchrec

pytestmark = needs_real_rows

FIRST_DAY_ROWS = 607  # so that halves of the last day are not equal
RANGE = 5000  # small enough that real values meet in it, and that tables of all ids are drawn soon
# In the order of the rows.
SPLITS = {
    DataFormat.MLPERF: {"train": 607, "test": 197, "val": 196},
    DataFormat.NVIDIA: {"train": 607, "test": 196, "val": 197},
    DataFormat.TORCHREC: {"train": 607, "val": 197, "test": 196},
    DataFormat.MULTIHOT: {"train": 607, "val": 197, "test": 196},
    DataFormat.WSF: {"train": 23 * 42, "test": 34},
    DataFormat.KAGGLE: {"train": 858, "test": 71, "val": 71},  # parts of 143 and then of 142
}
OF_ONE_FILE = (DataFormat.WSF, DataFormat.KAGGLE)
SHUFFLED = [form for form in DataFormat if form not in (DataFormat.KAGGLE, DataFormat.TSV)]
OPTIONS = [
    (DataFormat.MLPERF, {}),
    (DataFormat.MLPERF, {"max_ind_range": RANGE}),
    (DataFormat.WSF, {}),
    (DataFormat.WSF, {"max_ind_range": RANGE}),
    (DataFormat.KAGGLE, {}),
    (DataFormat.KAGGLE, {"max_ind_range": RANGE}),
    (DataFormat.NVIDIA, {}),
    (DataFormat.NVIDIA, {"frequency_limit": 1}),
    (DataFormat.NVIDIA, {"frequency_limit": 3}),
    (DataFormat.TORCHREC, {}),
    (DataFormat.TORCHREC, {"max_ind_range": 50}),
    (DataFormat.TORCHREC, {"frequency_limit": 3}),
    (DataFormat.MULTIHOT, {"max_ind_range": RANGE}),
]


@pytest.fixture(scope="module")
def rows():
    return plain_rows(REAL.read_bytes())


def prepared(folder, form, **orders):
    """Prepare the real rows, in two days where the format has days; return what describe says of them."""
    text = REAL.read_bytes().splitlines(keepends=True)
    cuts = [text] if form in OF_ONE_FILE else [text[:FIRST_DAY_ROWS], text[FIRST_DAY_ROWS:]]
    inputs = [folder / f"day_{day}" for day in range(len(cuts))]
    for path, part in zip(inputs, cuts, strict=True):
        path.write_bytes(b"".join(part))
    do(folder / "set", inputs, format=form, **orders)
    found = read_description(folder / "set", head_rows=1000, verify=True)
    assert {file.state for file in found.files} == {FileState.GOOD}
    assert found.format is form
    return found


def in_input_order(found, form):
    """Return the decoded rows of all splits as [label, integers, ids]."""
    splits = {split.name: split for split in found.splits}
    assert {name: splits[name].rows for name in SPLITS[form]} == SPLITS[form]
    assert len(splits) == len(SPLITS[form])
    return [(row.label, row.dense, row.sparse) for name in SPLITS[form] for row in splits[name].head]


def first_seen_ids(rows, modulo, first_id, minimum):
    """Return ids of all rows, by first appearance, an empty category as 0; those too rare share 1."""
    columns = []
    for column in zip(*[row[14:] for row in rows], strict=True):
        values = [(value or 0) % modulo for value in column]
        counts, known = Counter(values), {}
        columns.append(
            [1 if counts[value] < minimum else known.setdefault(value, first_id + len(known)) for value in values]
        )
    return list(zip(*columns, strict=True))


def ids_by_count(rows, minimum):
    """Return ids of all rows, the most frequent value 1, of equal ones the smaller first; empty and too rare are 0."""
    columns = []
    for column in zip(*[row[14:] for row in rows], strict=True):
        counts = Counter(value for value in column if value is not None)
        ranked = sorted((-count, value) for value, count in counts.items() if count >= minimum)
        ids = {value: 1 + rank for rank, (_, value) in enumerate(ranked)}
        columns.append([ids.get(value, 0) for value in column])
    return list(zip(*columns, strict=True))


def expected_ids(form, rows, max_ind_range=None, frequency_limit=None):
    if form is DataFormat.NVIDIA:
        return ids_by_count(rows, frequency_limit or 15)
    if form in (DataFormat.TORCHREC, DataFormat.MULTIHOT):
        ids = first_seen_ids(rows, 1 << 32, 2, frequency_limit or 0)
        sizes = table_sizes(form, ids, max_ind_range)
        return [tuple(value % size for value, size in zip(row, sizes, strict=True)) for row in ids]
    whole = 1 << 32 if form is DataFormat.KAGGLE else 40_000_000
    return first_seen_ids(rows, max_ind_range or whole, 0, 0)


def table_sizes(form, ids, max_ind_range=None):
    """Return the largest id of each column and one more; MLPerf says how many the multi-hot tables have."""
    sizes = [1 + max(column) for column in zip(*ids, strict=True)]
    if form is DataFormat.MULTIHOT:
        sizes = torchrec.NUM_EMBEDDINGS
    return tuple(min(size, max_ind_range or size) for size in sizes)


def half_log(value):
    return 0.0 if value is None or value <= -3 else float(np.float16(np.float32(math.log(value + 3))))


def day_logs(rows):
    """Return log(x - smallest of the day + 2), an empty integer as 0."""
    logs = []
    for day in (rows[:FIRST_DAY_ROWS], rows[FIRST_DAY_ROWS:]):
        integers = [[value or 0 for value in row[1:14]] for row in day]
        least = min(min(row) for row in integers)
        logs += [[math.log(value - least + 2) for value in row] for row in integers]
    return logs


def assert_integers(form, dense, rows):
    if form is DataFormat.NVIDIA:
        assert dense == [tuple(half_log(value) for value in row[1:14]) for row in rows]
    elif form in (DataFormat.TORCHREC, DataFormat.MULTIHOT):
        # float32's own logarithm may round the other way than that of a double
        np.testing.assert_array_max_ulp(np.array(dense, np.float32), np.array(day_logs(rows), np.float32), maxulp=1)
    else:
        assert dense == [tuple(max(0, value or 0) for value in row[1:14]) for row in rows]


@pytest.mark.parametrize(("form", "options"), OPTIONS)
def test_rows_come_back_as_the_format_defines_them(tmp_path, rows, form, options):
    found = prepared(tmp_path, form, order=RowOrder.INPUT, **options)
    labels, dense, ids = zip(*in_input_order(found, form), strict=True)
    assert list(labels) == [row[0] for row in rows]
    assert_integers(form, list(dense), rows)
    assert list(ids) == expected_ids(form, rows, **options)
    assert found.table_rows == table_sizes(form, ids, options.get("max_ind_range"))
    assert sum(split.clicks for split in found.splits) == sum(row[0] for row in rows) == 21


@pytest.mark.parametrize("form", [form for form in DataFormat if form not in (DataFormat.MULTIHOT, DataFormat.TSV)])
def test_ids_and_raw_values_are_one_to_one_in_each_column(tmp_path, rows, form):
    """Where nothing is merged on purpose; for all but nvidia an empty category is the value 0."""
    is_nvidia = form is DataFormat.NVIDIA
    keep_all = {"frequency_limit": 1} if is_nvidia else {"max_ind_range": 1 << 32}
    found = prepared(tmp_path, form, order=RowOrder.INPUT, **keep_all)
    for column, ids in enumerate(zip(*(row[2] for row in in_input_order(found, form)), strict=True)):
        values = [row[14 + column] if is_nvidia else row[14 + column] or 0 for row in rows]
        assert len(set(zip(ids, values, strict=True))) == len(set(ids)) == len(set(values))


@pytest.mark.parametrize("form", SHUFFLED)
def test_a_shuffle_neither_loses_nor_changes_a_row(tmp_path, form):
    options = {"max_ind_range": RANGE} if form is DataFormat.MULTIHOT else {}
    sets = []
    for order in (RowOrder.INPUT, RowOrder.UNIFORM):
        (tmp_path / order).mkdir()
        sets.append(in_input_order(prepared(tmp_path / order, form, order=order, **options), form))
    train = SPLITS[form]["train"]
    assert sets[0][train:] == sets[1][train:]
    assert sets[0][:train] != sets[1][:train]
    assert sorted(sets[0][:train]) == sorted(sets[1][:train])


def test_each_id_is_followed_by_those_that_stand_for_it(tmp_path, rows):
    """As multi_hot.py:80-113 draws them: one generator, a table after the other."""
    found = prepared(tmp_path, DataFormat.MULTIHOT, order=RowOrder.INPUT, max_ind_range=RANGE)
    one_hot = np.array(expected_ids(DataFormat.MULTIHOT, rows, RANGE))
    random = np.random.RandomState(0)
    expected = []
    for column, (size, width) in enumerate(zip(found.table_rows, multihot.HOTS, strict=True)):
        others = random.randint(0, size, (size, width - 1))
        expected.append(np.column_stack([one_hot[:, column], others[one_hot[:, column]]]))
    begin = 0
    for split, count in SPLITS[DataFormat.MULTIHOT].items():
        hots = multihot.open_reader(tmp_path / "set", split).read(0, count).hots_FBH
        for hot, wanted in zip(hots, expected, strict=True):
            assert (hot == wanted[begin : begin + count]).all()
        begin += count
