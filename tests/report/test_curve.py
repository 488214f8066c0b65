"""The files of a training's course: the numbers always, the plots where matplotlib is."""

import csv
import json
import re
import struct
import sys
from dataclasses import replace

import pytest
from records import ACCURACY, make_record, ok

from pinbench.contract.result import Evaluation, Training
from pinbench.harness.report.curve import write_curve

EVALUATIONS = tuple(
    Evaluation(step=step, epoch=step / 100, accuracy=replace(ACCURACY, auc=auc), train_loss=loss, elapsed_s=step * 0.5)
    for step, auc, loss in ((25, 0.7, 0.5), (50, 0.75, 0.25))
)


def record_of(evaluations=EVALUATIONS):
    training = Training(samples=100, loss=0.25, steps_per_epoch=100, target_auc=0.74, evaluations=evaluations)
    return make_record(ok(0, training=training))


def test_each_evaluation_is_a_row_of_both_tables(tmp_path):
    write_curve(record_of(), tmp_path)
    rows = list(csv.DictReader((tmp_path / "curve.csv").read_text().splitlines()))
    assert [(row["step"], row["epoch"], row["auc"], row["train_loss"]) for row in rows] == [
        ("25", "0.25", "0.7", "0.5"), ("50", "0.5", "0.75", "0.25"),
    ]  # fmt: skip
    content = json.loads((tmp_path / "curve.json").read_text())
    assert content["target_auc"] == 0.74
    assert [row["elapsed_s"] for row in content["evaluations"]] == [12.5, 25.0]


def test_without_evaluations_there_is_no_curve(tmp_path):
    assert write_curve(record_of(()), tmp_path) is None
    assert write_curve(make_record(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_one_line_says_so_and_the_numbers_are_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert write_curve(record_of(), tmp_path) == (
        "curve.csv is not plotted: matplotlib is not installed (`script/env/python plot` installs it)"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.csv", "curve.json"]


def test_with_matplotlib_both_curves_are_drawn_with_labels_and_units(tmp_path):
    pytest.importorskip("matplotlib", reason="script/env/python plot installs it")
    assert write_curve(record_of(), tmp_path) is None
    content = (tmp_path / "curve.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == (960, 540)
    drawn = re.findall(
        "<!-- (.*?) -->", (tmp_path / "curve.svg").read_text(), re.DOTALL
    )  # each text, beside its shapes
    texts = ["epochs learned", "loss (nats)", "AUC of test rows (%)", "training loss", "log loss of test rows", "AUC"]
    assert {*texts, "target AUC", "Bayes AUC"} <= set(drawn)
    assert any("batches of " in text for text in drawn)
