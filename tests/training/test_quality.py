"""What a model learns of made-up rows whose law is known: most of what is to be learned, within seconds."""

import pytest
import torch
from training_golden import setting_of
from training_runs import fit_of

from pinbench.contract.case import Precision
from pinbench.contract.data import DataFormat, SynthesizeJob
from pinbench.worker.data.criteo.batches import open_split
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthesize import synthesize
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.rows import SeededOrigin
from pinbench.worker.training.dlrm import pinned
from pinbench.worker.training.observer import Schedule
from pinbench.worker.training.trainer import TrainerOrder

ROWS = 200_000
VALUES = 12  # of each column: so few that these rows show each of them often enough
BATCH_SIZE = 128


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made_up")
    job = SynthesizeJob(
        dataset="criteo", format=DataFormat.MLPERF, output=str(folder), days=2, rows=ROWS, seed=0, max_ind_range=None,
        table_rows=(VALUES,) * 26, gzip=False, threads=1, force=False, restart=False,
    )  # fmt: skip
    synthesize(job, Progress(say=lambda line: None))
    return folder


@pytest.mark.parametrize(
    ("precision", "split"),
    [(Precision.FP32, False), (Precision.BFLOAT16, False), (Precision.BFLOAT16, True)],
    ids=["fp32", "bfloat16", "bfloat16 split tables"],
)
def test_a_short_training_learns_most_of_a_known_law(made_up, precision, split):
    train, test = open_split(made_up, "train", None), open_split(made_up, "test", None)
    config = make_config(embedding_dim=8, bottom="13-32-8", over="32-1", table_rows=train.table_rows, interaction="dot")
    origin = SeededOrigin(config, 0)
    tables_RD = torch.cat([torch.from_numpy(origin.rows(t, 0, n).copy()) for t, n in enumerate(train.table_rows)])
    order = TrainerOrder(setting=setting_of(precision), batch_size=BATCH_SIZE, split_tables=split)
    steps = -(-train.rows // BATCH_SIZE)
    trainer = pinned.make(config, tables_RD, origin.stacks(), order)
    fit = fit_of(
        trainer=trainer, train=train, test=test, batch_size=BATCH_SIZE,
        last_step=steps, test_every=steps, steps_per_epoch=steps,
        schedule=Schedule(base=2.0, warmup_steps=50, decay_start_step=steps // 4, decay_steps=3 * steps // 4),
    )  # fmt: skip
    training = fit.run()
    fit.close()
    assert (trainer.facts.fallback, "halves" in trainer.facts.settings["tables"]) == (None, split)
    auc, bayes_auc = training.evaluations[-1].accuracy.auc, test.planted_auc
    assert bayes_auc == pytest.approx(0.85, abs=0.01)
    # They learn 91.2, 90.7 and 91.3 %.
    assert (auc - 0.5) / (bayes_auc - 0.5) > 0.88
