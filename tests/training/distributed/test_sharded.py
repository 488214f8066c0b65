"""The training on several ranks is that of one process: the reference's losses, and its weights in the end."""

import math

import numpy as np
import pytest
import torch
from ranks import answers
from sharded_trainings import SEED, STEPS
from small_dlrm import RATE, batch_of, config_of, expected, weights_of
from training_golden import CAP, TEST_BATCH_SIZE, open_golden, read_trace, trainer_of

from pinbench.contract.case import Precision
from pinbench.worker.training.dlrm import eager, pinned
from pinbench.worker.training.dlrm._parts import part_of_rank, tables_of_ranks

RANKS = 5  # there are four tables: the fifth rank has none
SIZES = (40, 1, 2, 17, 5) * 10  # one and two: fewer rows than ranks


def furthest(found, weights):
    assert set(found) == set(weights)
    return max(np.abs(np.asarray(found[name]) - np.asarray(weight)).max() for name, weight in weights.items())


@pytest.mark.parametrize(("engine", "ranks", "parts"), [("eager", 3, 4), ("pinned", 2, 1), ("pinned", 3, 4)])
def test_losses_and_probabilities_of_any_number_of_ranks_are_the_references(engine, ranks, parts, tmp_path):
    trace = read_trace()
    found = answers("sharded_trainings:golden", engine, parts, tmp_path / "end.npz", ranks=ranks)
    for answer in found:
        assert answer["engine"] == engine
        assert np.abs(np.array(answer["losses"]) - trace.loss[:STEPS]).max() < 1e-5
    assert len({answer["stacks"] for answer in found}) == 1  # the same bits on all ranks
    assert len({str(answer["losses"]) for answer in found}) == 1
    rows = sum(open_golden("train").table_rows)
    assert sum(answer["rows"] for answer in found) == rows
    assert max(answer["rows"] for answer in found) <= rows / ranks + CAP
    with np.load(tmp_path / "end.npz") as end:
        assert furthest(end, trace.begin) > 0.05  # there was much to learn
        one = trainer_of(eager, {name: end[name] for name in end.files})
    test = open_golden("test")
    pieces = [(begin, min(begin + TEST_BATCH_SIZE, test.rows)) for begin in range(0, test.rows, TEST_BATCH_SIZE)]
    expected_B = torch.cat([one.predict(test.piece(*piece)) for piece in pieces])
    for answer in found:
        assert (torch.tensor(answer["probabilities"]) - expected_B).abs().max() < 1e-6


@pytest.mark.parametrize("engine", ["eager", "pinned"])
def test_fifty_batches_some_with_fewer_rows_than_ranks_are_learned_as_in_float64(engine, tmp_path):
    config = config_of()
    weights = weights_of(config)
    found = answers(
        "sharded_trainings:small", engine, "fp32", ",".join(map(str, SIZES)), tmp_path / "end.npz", ranks=RANKS
    )
    losses = []
    for seed, size in enumerate(SIZES, SEED):
        loss, weights = expected(config, weights, batch_of(config, size, seed))
        losses.append(loss)
    for answer in found:
        assert answer == pytest.approx(losses, abs=1e-5)
    with np.load(tmp_path / "end.npz") as end:
        assert furthest(end, weights) < 1e-4
        assert furthest(end, weights_of(config)) > 1e-2


@pytest.mark.parametrize("engine", [eager, pinned], ids=["eager", "pinned"])
def test_in_bfloat16_steps_are_those_of_one_process_in_bfloat16(engine, tmp_path):
    config = config_of()
    one = trainer_of(engine, weights_of(config), config, Precision.BFLOAT16)
    losses = [one.step([batch_of(config, rows, seed)], RATE).item() for seed, rows in enumerate((64, 50), SEED)]
    (found, _) = answers("sharded_trainings:small", one.facts.name, "bfloat16", "64,50", tmp_path / "end.npz", ranks=2)
    assert found == pytest.approx(losses, abs=1e-3)  # sums of other parts round elsewhere: 2**-9 of a logit
    assert all(math.isfinite(loss) for loss in found)
    with np.load(tmp_path / "end.npz") as end:
        assert furthest(end, dict(one.state())) < 0.05 * furthest(end, weights_of(config))


def test_tables_are_balanced_by_rows_and_every_one_has_one_owner():
    assert tables_of_ranks((3, 40, 1, 500), 2) == ((3,), (0, 1, 2))
    assert tables_of_ranks((10, 10, 10, 10), 2) == ((0, 2), (1, 3))
    assert tables_of_ranks((5, 5), 3) == ((0,), (1,), ())
    counts = (39884406, 39043, 17289, 38532951, 2953546, 39979771, 25641295, 39664984, 585935)
    for ranks in (1, 2, 4, 7):
        owned = tables_of_ranks(counts, ranks)
        assert sorted(table for tables in owned for table in tables) == list(range(len(counts)))
        rows = [sum(counts[table] for table in tables) for tables in owned]
        assert max(rows) - min(rows) <= max(counts)


def test_parts_cover_a_batch_and_differ_by_one_row_at_the_most():
    assert [part_of_rank(64, rank, 3) for rank in range(3)] == [range(21), range(21, 42), range(42, 64)]
    assert [len(part_of_rank(1, rank, 3)) for rank in range(3)] == [0, 0, 1]
    assert [len(part_of_rank(0, rank, 3)) for rank in range(3)] == [0, 0, 0]
