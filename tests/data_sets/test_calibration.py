import torch

from pinbench.worker.data.criteo.batches import synthetic_batches
from pinbench.worker.data.criteo.calibration import real_calibration, synthetic_calibration

ROWS = (100,) * 26


def test_made_up_rows_are_the_same_each_time_and_not_those_that_are_measured():
    make, about = synthetic_calibration(ROWS, 1.05, 7)
    first, again = make(), synthetic_calibration(ROWS, 1.05, 7)[0]()
    measured = synthetic_batches(batch_size=512, count=8, table_rows=ROWS, alpha=1.05, seed=7, shard=0)
    assert torch.equal(first[3].sparse_BF, again[3].sparse_BF)
    assert not torch.equal(first[0].dense_BI, measured[0].dense_BI)
    assert about == "4096 made-up rows: power law, alpha 1.05, seed 7"


def test_rows_of_a_data_set_are_of_its_train_split_where_there_is_one(tmp_path):
    from criteo_jobs import do, raw_fields, write_raw

    days = [write_raw(tmp_path / f"day_{day}", raw_fields(40, seed=day)) for day in range(3)]
    do(tmp_path / "set", days)
    read, about = real_calibration(tmp_path / "set", 40)
    assert about.startswith("80 rows of criteo train: ")
    assert all(int(batch.sparse_BF.max()) < 40 for batch in read())


def test_a_data_set_for_tests_alone_gives_what_it_has(tmp_path):
    from criteo_jobs import do, raw_fields, write_raw

    do(tmp_path / "set", [write_raw(tmp_path / "day_0", raw_fields(40))])
    _, about = real_calibration(tmp_path / "set", 40)
    assert about.startswith("40 rows of criteo test: ")
