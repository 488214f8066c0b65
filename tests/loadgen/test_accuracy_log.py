"""LoadGen's accuracy log: hexadecimal floats, scored as scikit-learn scores them; a log that is broken is refused."""

import json

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from pinbench.base.errors import RecordError
from pinbench.worker.loadgen.accuracy_log import score


def write(path, replies):
    """Write replies as LoadGen does: a bracket, an object a line with commas between them, a bracket."""
    lines = [
        json.dumps({"seq_id": place, "qsl_idx": index, "data": pairs.astype("<f4").tobytes().hex().upper()})
        for place, (index, pairs) in enumerate(replies)
    ]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    return path


@pytest.fixture
def replies():
    rng = np.random.default_rng(5)
    sizes = [120, 300, 77, 1]
    pairs = [np.stack([rng.random(size), rng.random(size) < 0.3], axis=1) for size in sizes]
    return [(2, pairs[2]), (0, pairs[0]), (3, pairs[3]), (1, pairs[1])]


SIZES = np.array([120, 300, 77, 1])


def test_it_is_scored_as_scikit_learn_scores_it(replies, tmp_path):
    found = score(write(tmp_path / "log", replies), SIZES)
    probability, label = np.concatenate([pairs.astype(np.float32) for _, pairs in replies]).T
    assert found.samples == 498
    assert found.auc == pytest.approx(roc_auc_score(label, probability), abs=1e-15)
    assert found.log_loss == pytest.approx(log_loss(label, probability), rel=1e-6)
    assert found.correct == int(((probability > 0.5) == (label > 0)).sum())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda replies: replies[:-1], r"has no reply to 1 of 4 samples"),
        (lambda replies: [*replies, (2, replies[0][1] / 2)], r"has two different replies to sample 2"),
        (lambda replies: [*replies, (9, replies[0][1])], r"has a reply to sample 9, and there are 4"),
        (lambda replies: [(replies[0][0], replies[0][1][:-1]), *replies[1:]], r"sample 2 has 76 pairs, the sample 77"),
    ],
)
def test_a_log_that_is_not_whole_is_refused(change, message, replies, tmp_path):
    with pytest.raises(RecordError, match=message):
        score(write(tmp_path / "log", change(replies)), SIZES)


def test_a_sample_that_multi_stream_asked_for_again_is_scored_once(replies, tmp_path):
    once = score(write(tmp_path / "once", replies), SIZES)
    assert score(write(tmp_path / "twice", [*replies, replies[2], replies[0]]), SIZES) == once


@pytest.mark.parametrize("data", ["0000", "zz", 7])
def test_a_line_that_is_no_reply_is_refused_with_its_place(data, tmp_path):
    path = tmp_path / "log"
    path.write_text("[\n" + json.dumps({"seq_id": 0, "qsl_idx": 0, "data": data}) + "\n]\n")
    with pytest.raises(RecordError, match=r"log: line 2 is no reply of LoadGen's accuracy log"):
        score(path, SIZES)


def test_a_log_that_is_absent_is_refused(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*absent: No such file"):
        score(tmp_path / "absent", SIZES)
