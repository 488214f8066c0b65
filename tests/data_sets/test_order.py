import numpy as np

from pinbench.worker.data.criteo.order import UniformOrder

MASK = (1 << 64) - 1


def split_mix_64(state):
    """The generator's output function, from its publication."""
    mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return mixed ^ (mixed >> 31)


def test_keys_are_those_of_the_generator_seeded_with_the_mixed_seed():
    state = split_mix_64(7)
    expected = [split_mix_64((state + (row + 1) * 0x9E3779B97F4A7C15) & MASK) for row in range(100, 110)]
    assert UniformOrder(7).keys(100, 110).tolist() == expected
    # seed 1234567 of the published test vector: 6457827717110365317 is the first output
    assert split_mix_64((1234567 + 0x9E3779B97F4A7C15) & MASK) == 6457827717110365317


def test_no_two_rows_have_one_key():
    assert len(np.unique(UniformOrder(0).keys(0, 1_000_000))) == 1_000_000


def test_any_row_comes_to_any_place_equally_often():
    rows, seeds = 8, 4000
    places = np.array([np.argsort(UniformOrder(seed).keys(0, rows)) for seed in range(seeds)])
    counts = np.array([np.bincount(places[:, place], minlength=rows) for place in range(rows)])
    chi_square = ((counts - seeds / rows) ** 2 / (seeds / rows)).sum()
    assert chi_square < 95  # 49 degrees of freedom: 0.9999 quantile 94


def test_rows_that_were_neighbours_are_not():
    order = np.argsort(UniformOrder(3).keys(0, 100_000))
    assert (np.abs(np.diff(order)) == 1).sum() < 12  # 2 are expected
