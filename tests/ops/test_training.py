"""The operator that learns against autograd in float64, for every instruction set that this CPU can run."""

import pytest
import torch
from dlrm_parts import WIDE
from training_plain import PlainTraining, batch_of, config_of, cut, largest_errors, weights_of

from pinbench.worker.ops import training
from pinbench.worker.ops.isa import runnable, variants
from pinbench.worker.ops.training import choose_products, make_training
from pinbench.worker.training.dlrm._learned import learned_parts, named_weights
from pinbench.worker.training.dlrm._split_rows import joined, split_in_place

pytestmark = pytest.mark.usefixtures("one_thread")

_ISAS = [
    pytest.param(variant.name, marks=[] if variant.name in runnable() else pytest.mark.skip(f"no {variant.name} here"))
    for variant in variants()
]
_ALL = [*_ISAS, *(variant.name for variant in WIDE)]
_BEST = runnable()[-1]
_RATE = 0.3
# Of a tensor's largest weight: sums of some hundred terms, each rounded to 2**-24.
_FP32 = 1e-5
# Of what a tensor has moved, which is less.
_FP32_MOVED = 1e-3
# Of the same: bfloat16 rounds what layers hand on to 2**-9, forward and backward, and a ReLU near zero may fall on the
# other side. Autograd in bfloat16 is as far off.
_BFLOAT16 = 0.15


@pytest.fixture
def classes(request, isa):
    return request.getfixturevalue("wide" if isa.startswith("wide") else "operators")


class Learner:
    """The operator and what it changes, made of weights that it may keep."""

    def __init__(
        self, operators, isa, config, *, dtype=torch.float32, split=False, products="plain", batch_size=64, seed=0
    ):
        self.config = config
        self.tables_RD, self.stacks = weights_of(config, seed)
        self.plain = PlainTraining(config, self.tables_RD, self.stacks)
        self.begin = {name: weight.clone() for name, weight in self.plain.state().items()}
        self.split = split
        upper_RD = split_in_place(self.tables_RD) if split else self.tables_RD
        self.parts = learned_parts(config, upper_RD, self.stacks)
        self.operator = make_training(operators, self.parts, isa, dtype, batch_size, products)

    def step(self, micro_batches, rate=_RATE):
        self.operator.begin(sum(len(batch.dense_BI) for batch in micro_batches), rate)
        for batch in micro_batches:
            self.operator.learn(batch.dense_BI, batch.sparse_BF, batch.label_B)
        self.operator.update_layers()
        self.operator.update_rows()
        return self.operator.loss()

    def state(self):
        tables_RD = joined(self.tables_RD) if self.split else self.tables_RD
        return named_weights(self.config, tables_RD, self.parts)

    def agrees(self, dtype=torch.float32):
        of_weight, of_moved = largest_errors(self.state(), self.plain, self.begin)
        return of_moved < _BFLOAT16 if dtype == torch.bfloat16 else of_weight < _FP32 and of_moved < _FP32_MOVED


def same_bits(one, other):
    return all(torch.equal(weight, other[name]) for name, weight in one.items())


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize(
    ("sizes", "samples"),
    [
        ({"tables": 26, "width": 128, "over": (64, 33)}, 70),
        ({"tables": 1, "width": 4, "bottom": (), "over": (2,)}, 1),
        ({"tables": 2, "width": 5, "over": ()}, 3),
        ({"tables": 6, "width": 33, "bottom": (7, 9), "over": (31,)}, 129),
        ({"tables": 7, "width": 64, "rows": (1, 1, 2, 3, 500, 1, 9)}, 200),
        ({"tables": 12, "width": 31, "inputs": 1, "over": (100,)}, 65),
        ({"tables": 13, "width": 100, "inputs": 17, "over": ()}, 17),
    ],
    ids=str,
)
def test_several_steps_are_those_of_autograd(classes, isa, sizes, samples):
    learner = Learner(classes, isa, config_of(**sizes), batch_size=samples)
    for seed in range(4):
        batch = batch_of(learner.config, samples, seed)
        assert learner.step([batch]) == pytest.approx(learner.plain.step(batch, _RATE), rel=_FP32)
    assert learner.agrees()


@pytest.mark.parametrize("isa", _ALL)
@pytest.mark.parametrize("split", [False, True], ids=["fp32 tables", "split tables"])
@pytest.mark.parametrize("width", [128, 20, 9])
def test_in_bfloat16_steps_are_near_those_of_autograd(classes, isa, split, width):
    config = config_of(tables=9, width=width, rows=(1, 5, 40, 1, 2, 3, 300, 8, 8))
    learner = Learner(classes, isa, config, dtype=torch.bfloat16, split=split)
    for seed in range(4):
        batch = batch_of(config, 64, seed)
        assert learner.step([batch], 0.05) == pytest.approx(learner.plain.step(batch, 0.05), rel=1e-3)
    assert learner.agrees(torch.bfloat16)
    assert not learner.agrees()  # it is bfloat16 indeed


@pytest.mark.parametrize("products", ["plain", "packed", "pytorch"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_whatever_multiplies_the_steps_are_the_same_but_for_rounding(operators, products, dtype):
    learner = Learner(operators, _BEST, config_of(tables=5, width=16), dtype=dtype, products=products)
    for seed in range(3):
        batch = batch_of(learner.config, 50, seed)
        learner.step([batch])
        learner.plain.step(batch, _RATE)
    assert learner.agrees(dtype)


@pytest.mark.parametrize("samples", [1, 40])
def test_rows_that_a_batch_has_many_times_get_the_sum(operators, samples):
    learner = Learner(operators, _BEST, config_of(tables=4, width=24, rows=(1, 6, 2, 90)), batch_size=samples)
    batch = batch_of(learner.config, samples)
    batch.sparse_BF[:] = batch.sparse_BF[0]
    learner.step([batch])
    learner.plain.step(batch, _RATE)
    assert learner.agrees()
    changed_R = (learner.state()["emb_l.3.weight"] != learner.begin["emb_l.3.weight"]).any(1)
    assert changed_R.nonzero().flatten().tolist() == [batch.sparse_BF[0, 3].item()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("sizes", [(100,), (1, 99), (30, 1, 64, 5), (50, 50)], ids=str)
def test_micro_batches_of_any_sizes_and_chunks_add_up_to_one_batch(operators, monkeypatch, sizes, dtype):
    monkeypatch.setattr(training, "_CHUNK_ROWS", 32)
    monkeypatch.setattr(training, "_CHUNK_ROWS_A_THREAD", 1)
    learner = Learner(operators, _BEST, config_of(tables=5, width=16), dtype=dtype, batch_size=100)
    for seed in range(3):
        batch = batch_of(learner.config, 100, seed)
        loss = learner.step(cut(batch, sizes))
        expected = learner.plain.step(batch, _RATE)
        assert loss == pytest.approx(expected, rel=_FP32 if dtype == torch.float32 else 0.02)
    assert learner.agrees(dtype)


def test_a_step_larger_than_was_said_gets_the_memory_that_it_needs(operators):
    learner = Learner(operators, _BEST, config_of(tables=3, width=8), batch_size=10)
    batch = batch_of(learner.config, 95)
    learner.step([batch])
    learner.plain.step(batch, _RATE)
    assert learner.agrees()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_same_steps_give_the_same_bits(operators, dtype):
    learners = [Learner(operators, _BEST, config_of(tables=26, width=32), dtype=dtype, batch_size=300) for _ in "ab"]
    for learner in learners:
        for seed in range(3):
            learner.step([batch_of(learner.config, 300, seed)])
    assert same_bits(learners[0].state(), learners[1].state())


def test_the_sum_of_a_row_is_the_same_whatever_the_number_of_threads(operators):
    # One product before the dots and none behind them: it has few terms, whose order no thread changes.
    config = config_of(tables=8, width=16, rows=(1, 2, 3, 4000, 50, 7, 1, 9), inputs=3, bottom=(), over=())
    states = []
    for threads in (1, 2, 3, 5):
        torch.set_num_threads(threads)
        learner = Learner(operators, _BEST, config, batch_size=900)
        learner.step([batch_of(config, 900)])
        states.append({name: weight for name, weight in learner.state().items() if name.startswith("emb_l")})
        learner.plain.step(batch_of(config, 900), _RATE)
        assert learner.agrees()
    assert all(same_bits(states[0], state) for state in states[1:])


def test_several_threads_learn_what_one_does(operators):
    torch.set_num_threads(3)
    learner = Learner(operators, _BEST, config_of(tables=26, width=32), batch_size=200)
    for seed in range(3):
        learner.step([batch_of(learner.config, 200, seed)])
        learner.plain.step(batch_of(learner.config, 200, seed), _RATE)
    assert learner.agrees()


def test_split_tables_learn_what_fp32_tables_do_where_bfloat16_holds_them(operators):
    config = config_of(tables=6, width=24)
    whole, split = (
        Learner(operators, "generic", config, dtype=torch.bfloat16),
        Learner(operators, "generic", config, dtype=torch.bfloat16, split=True),
    )
    rounded_RD = joined(split.tables_RD).bfloat16().float()
    whole.tables_RD.copy_(rounded_RD)
    split.tables_RD.copy_(rounded_RD)
    split_in_place(split.tables_RD)
    batch = batch_of(config, 60)
    assert whole.step([batch]) == split.step([batch])
    assert same_bits(whole.state(), split.state())
    assert not torch.equal(whole.tables_RD, whole.tables_RD.bfloat16().float())  # so there is a lower half


def test_a_rate_of_zero_changes_no_bit(operators):
    learner = Learner(operators, _BEST, config_of(tables=3, width=16))
    before = {name: weight.clone() for name, weight in learner.state().items()}
    learner.step([batch_of(learner.config, 30)], 0.0)
    assert same_bits(before, learner.state())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_predictions_are_those_of_what_has_been_learned(operators, dtype):
    learner = Learner(operators, _BEST, config_of(tables=5, width=16), dtype=dtype, batch_size=40)
    batch = batch_of(learner.config, 40)
    for _ in range(3):
        learner.step([batch])
        learner.plain.step(batch, _RATE)
    probability_B = learner.operator.predict(batch.dense_BI, batch.sparse_BF)
    expected_B = learner.plain.logits(batch).detach().sigmoid()
    assert (probability_B - expected_B).abs().max() < (1e-5 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize(("table", "id_"), [(0, -1), (2, 15), (4, 1 << 40)])
def test_an_id_that_is_no_row_is_refused_and_nothing_of_the_step_stays(operators, table, id_):
    learner = Learner(operators, _BEST, config_of(tables=5, width=16))
    wrong, batch = batch_of(learner.config, 6), batch_of(learner.config, 6, 3)
    wrong.sparse_BF[4, table] = id_
    before = {name: weight.clone() for name, weight in learner.state().items()}
    with pytest.raises(IndexError, match="an id is not below the rows of its table"):
        learner.step([batch, wrong])
    assert same_bits(before, learner.state())
    learner.step([batch])
    learner.plain.step(batch, _RATE)
    assert learner.agrees()


@pytest.mark.parametrize(
    ("begun", "change", "message"),
    [
        (4, {"dense_BI": torch.zeros(4, 7)}, "expected 13 float32 values a sample"),
        (4, {"sparse_BF": torch.zeros(4, 2, dtype=torch.int32)}, "expected int64 ids of 2 tables a sample"),
        (4, {"label_B": torch.zeros(3)}, r"length|start"),
        (4, {"label_B": torch.zeros(4, 1)}, "expected a float32 label for each of 4 samples"),
        (3, {}, "a step of 3 samples was begun, there are more"),
        (5, {}, "a step of 5 samples was begun, there are 4"),
        (0, {}, "a step needs samples"),
    ],
)
def test_a_batch_of_another_form_or_size_is_refused(operators, begun, change, message):
    learner = Learner(operators, _BEST, config_of(tables=2, width=8))
    batch = batch_of(learner.config, 4)
    given = {"dense_BI": batch.dense_BI, "sparse_BF": batch.sparse_BF, "label_B": batch.label_B} | change

    def step():
        learner.operator.begin(begun, 0.1)
        learner.operator.learn(given["dense_BI"], given["sparse_BF"], given["label_B"])
        learner.operator.update_layers()

    with pytest.raises(RuntimeError, match=message):
        step()


def test_what_multiplies_is_decided_by_the_cpu_and_the_batch_alone():
    assert choose_products("avx2", 8192, "x86_64") == "plain"
    assert choose_products("avx512_core", 128, "x86_64") == "plain"
    assert choose_products("avx512_core_bf16", 8192, "x86_64") == "packed"
    assert choose_products("generic", 8192, "aarch64") == "pytorch"


def test_kernels_that_are_not_in_the_build_are_refused_by_name(operators):
    with pytest.raises(RuntimeError, match="no kernels for avx9 in this build"):
        Learner(operators, "avx9", config_of(tables=2, width=8))
