"""LoadGen's samples: how many pairs each has, and which rows are in memory when."""

import numpy as np
import pytest
import torch

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.loadgen.samples import Samples, drawn_sizes, quantile


def test_samples_have_mlperfs_range_and_mean_and_all_rows():
    sizes = drawn_sizes(2_700_000, seed=7)
    assert sizes.sum() == 2_700_000
    assert sizes[:-1].min() >= 100
    assert sizes.max() <= 700
    assert sizes.mean() == pytest.approx(270, rel=0.01)


def test_quantiles_rise_from_the_least_to_the_most_pairs():
    values = [quantile(share) for share in np.linspace(0, 0.999999, 101)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (100, 700)


def test_a_seed_gives_the_same_samples_again():
    assert drawn_sizes(5000, seed=1).tolist() == drawn_sizes(5000, seed=1).tolist()
    assert drawn_sizes(5000, seed=1).tolist() != drawn_sizes(5000, seed=2).tolist()


def test_the_quantiles_of_a_file_are_used(tmp_path):
    path = tmp_path / "dist_quantile.txt"
    path.write_text("100, 100, 400\n")
    sizes = drawn_sizes(100_000, seed=3, quantiles=path)
    assert set(sizes[:-1]) == {100, 400}
    assert (sizes == 100).mean() == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("text", ["100, x, 300", "", "0", "1.5"])
def test_a_file_without_numbers_is_refused_with_its_place(text, tmp_path):
    path = tmp_path / "quantiles.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"SAMPLE_QUANTILES=.*quantiles\.txt must hold whole numbers"):
        drawn_sizes(1000, seed=0, quantiles=path)


def test_a_file_that_is_absent_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.txt cannot be read"):
        drawn_sizes(1000, seed=0, quantiles=tmp_path / "absent.txt")


class Rows:
    """Rows that are their own numbers, and a memory of which were read."""

    def __init__(self):
        self.read = []

    def __call__(self, begin, end):
        self.read.append((begin, end))
        numbers = torch.arange(begin, end)
        return Batch(dense_BI=numbers[:, None].float(), sparse_BF=numbers[:, None], label_B=(numbers % 2).float())


def test_only_what_is_asked_for_is_read_in_pieces_as_long_as_possible():
    rows = Rows()
    samples = Samples(np.array([3, 2, 4, 1, 5]), rows)
    samples.load([4, 1, 2, 4])
    assert rows.read == [(3, 9), (10, 15)]
    assert samples.loaded.begin_S.tolist() == [-1, 0, 2, -1, 6]
    assert samples.loaded.dense_NI[:, 0].tolist() == [*range(3, 9), *range(10, 15)]
    assert samples.loaded.label_N.tolist() == [number % 2 for number in (*range(3, 9), *range(10, 15))]
    samples.unload([4, 1, 2])
    assert samples.loaded is None
    assert samples.pairs == 15
