"""A training that is stopped anywhere goes on to the same bits; what is no checkpoint of it is refused."""

import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import training_runs
from rlimit import largest_file
from safetensors.torch import save_file
from training_golden import golden_config, read_trace, trainer_of
from training_runs import ORDERS, final_weights, fit_of, resumed

from pinbench.base.errors import ModelError, UsageError
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin
from pinbench.worker.training.checkpoint import FILE, Checkpoints, read_saved, require_rest, require_same
from pinbench.worker.training.dlrm import eager

SRC = Path(__file__).parents[2] / "src"


def whole(folder, **changes):
    folder.mkdir(exist_ok=True)
    fit = fit_of(folder=folder, **changes)
    fit.run()
    fit.close()
    return folder


def same(one, other):
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("done"))


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("hundred"), epochs=2, last_step=100)


@pytest.mark.parametrize("stop", [1, 24, 25, 26, 49, 50, 51, 99])
def test_a_training_that_stopped_after_any_step_goes_on_to_the_same_bits(tmp_path, hundred, stop):
    (tmp_path / "cut").mkdir()
    first = fit_of(folder=tmp_path / "cut", epochs=2, last_step=100, save_every=1)
    while first.more() and first._made < stop:
        first.step()
    first.close()
    second = resumed(folder=tmp_path / "cut", epochs=2, last_step=100)
    training = second.run()
    second.close()
    assert training.resumed_step == stop
    assert training.samples == 6400 - stop * 64
    assert same(final_weights(tmp_path / "cut"), final_weights(hundred))
    one, other = read_saved(tmp_path / "cut" / FILE), read_saved(hundred / FILE)
    assert [(e.step, e.accuracy, e.train_loss) for e in one.evaluations] == [
        (e.step, e.accuracy, e.train_loss) for e in other.evaluations
    ]
    assert one.elapsed_s > one.evaluations[0].elapsed_s > 0


def test_a_training_that_is_killed_at_random_moments_ends_with_the_same_bits(tmp_path):
    expected = whole(tmp_path / "whole", save_every=3)
    folder = tmp_path / "killed"
    folder.mkdir()
    random = np.random.default_rng(time.time_ns())
    command = [sys.executable, training_runs.__file__, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    kills = 0
    for _ in range(5):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "begin\n"
            time.sleep(random.uniform(0, 0.25))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
    assert kills
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert same(final_weights(folder), final_weights(expected))


def test_inference_reads_a_checkpoint_as_any_other(done):
    origin = CheckpointOrigin(done / FILE, golden_config())
    trained = final_weights(done)
    assert np.array_equal(origin.rows(3, 10, 20), trained["emb_l.3.weight"][10:20].numpy())
    assert torch.equal(origin.stacks()["top_l.8.bias"], trained["top_l.8.bias"])


def test_a_full_disk_is_one_line_and_leaves_the_last_checkpoint(tmp_path):
    weights = trainer_of(eager, read_trace().begin).state()
    fit = fit_of(folder=tmp_path)
    fit.run()
    before = (tmp_path / FILE).read_bytes()
    saved = read_saved(tmp_path / FILE)
    with (
        largest_file(300_000),
        pytest.raises(
            ModelError,
            match=rf"cannot save the checkpoint of step 50 as {tmp_path}/{FILE}: File too large; that of step 50 is "
            "intact; make room, then RESUME=True",
        ),
    ):
        Checkpoints(tmp_path).save(saved, weights)
    assert (tmp_path / FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_first_save_on_a_full_disk_says_that_there_is_no_earlier_one(tmp_path):
    with largest_file(300_000), pytest.raises(ModelError, match=r"step 25 as .*: File too large; there is no earlier"):
        fit_of(folder=tmp_path).run()
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_not_saved(tmp_path, done):
    saved = read_saved(done / FILE)
    (tmp_path / FILE).write_bytes((done / FILE).read_bytes())
    weights = {name: weight.clone() for name, weight in final_weights(done).items()}
    weights["emb_l.2.weight"][5, 3] = torch.inf
    with pytest.raises(ModelError, match=r"emb_l\.2\.weight has a weight that is not finite after step 50.*is intact"):
        Checkpoints(tmp_path).save(saved, weights)
    assert (tmp_path / FILE).read_bytes() == (done / FILE).read_bytes()


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_in_its_place_is_refused_and_not_run(tmp_path):
    content = pickle.dumps({"state_dict": Malicious(str(tmp_path / "ran"))})
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be read as safetensors: .*begin anew in another CHECKPOINT_DIR"):
        read_saved(tmp_path / FILE)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0, 7, 100, 20_000, 600_000])
def test_one_that_is_cut_short_is_refused(tmp_path, done, kept):
    (tmp_path / FILE).write_bytes((done / FILE).read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"cannot be read as safetensors: .*copy it again"):
        read_saved(tmp_path / FILE)


def test_none_and_one_of_something_else_are_refused(tmp_path, done):
    with pytest.raises(ModelError, match=rf"CHECKPOINT_DIR={tmp_path} has no {FILE}.*leave RESUME out to begin"):
        read_saved(tmp_path / FILE)
    save_file({"emb_l.0.weight": torch.zeros(3)}, tmp_path / FILE)
    with pytest.raises(ModelError, match=r"does not say where a training stands .*set CHECKPOINT to it"):
        read_saved(tmp_path / FILE)
    data = (done / FILE).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["pinbench_training"] = '{"step": "many"}'
    text = json.dumps(header).encode()
    (tmp_path / FILE).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    with pytest.raises(ModelError, match="does not say where a training stands"):
        read_saved(tmp_path / FILE)


def test_one_of_another_shape_is_refused(done):
    config = golden_config()
    other = type(config)(embedding_dim=16, bottom=(13, 30, 16), over=config.over, table_rows=config.table_rows)
    with pytest.raises(ModelError, match=r"bot_l\.0\.weight is 32x13, but the case asks for 30x13"):
        CheckpointOrigin(done / FILE, other)


def test_other_orders_are_refused_by_name_and_so_is_a_training_that_has_ended(done):
    path = done / FILE
    saved = read_saved(path)
    require_same(saved, ORDERS, path)
    with pytest.raises(UsageError, match=r"was written with LEARNING_RATE=1\.0, now LEARNING_RATE=2\.0; set that"):
        require_same(saved, ORDERS | {"LEARNING_RATE": "2.0"}, path)
    with pytest.raises(UsageError, match="was written with BATCH_SIZE=absent, now BATCH_SIZE=64"):
        require_same(saved, ORDERS | {"BATCH_SIZE": "64"}, path)
    require_rest(saved, 51, 0.8, path)
    with pytest.raises(UsageError, match="has ended after 50 steps: it has the 50 steps of EPOCHS or STEPS"):
        require_rest(saved, 50, None, path)
    with pytest.raises(UsageError, match=r"has ended after 50 steps: it reached TARGET_AUC=0\.7; ask for more"):
        require_rest(saved, 100, 0.7, path)
