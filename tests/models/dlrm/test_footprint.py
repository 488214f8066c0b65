"""What a step is said to take, compared with what torch's own memory profiler sees of one."""

from itertools import accumulate

import pytest
import torch
from engine_calls import executable
from training_golden import trainer_of

from pinbench.contract.case import Precision
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.engine import eager
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.footprint import step_bytes, training_step_bytes
from pinbench.worker.models.dlrm.lookup_dots import LookupDots
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.rows import SeededOrigin
from pinbench.worker.training.dlrm import eager as eager_training

BATCH_SIZE = 4096


def peak_bytes(step):
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events))


def buffer_bytes(model):
    boxes = [box for box in model.modules() if isinstance(box, LookupDots)]
    names = ("_row_BG", "_stacked_BGD", "_dots_BGG", "_features_BW")
    return sum(getattr(box, name).nbytes for box in boxes for name in names)


@pytest.mark.parametrize(
    ("interaction", "over"),
    [("dot", "1024-1024-512-256-1"), ("dot", "16-1"), ("cat", "1024-1024-512-256-1"), ("cat", "16-1"), ("dot", "1")],
)
def test_a_step_takes_what_is_said_and_hardly_less(interaction, over):
    config = make_config(embedding_dim=32, bottom="13-64-32", over=over, table_rows=(50,) * 26, interaction=interaction)
    with torch.no_grad():
        model = Dlrm(config, torch.rand(26 * 50, 32)).for_inference(BATCH_SIZE)
        executable(eager, model, BATCH_SIZE)
        dense_BI, sparse_BF = torch.rand(BATCH_SIZE, 13), torch.randint(50, (BATCH_SIZE, 26))
        taken = peak_bytes(lambda: model(dense_BI, sparse_BF)) + buffer_bytes(model)
    said = step_bytes(config, BATCH_SIZE, 4)
    assert 0.999 * taken <= said <= 1.2 * taken  # torch rounds each tensor up to 64 bytes


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BFLOAT16])
@pytest.mark.parametrize(("interaction", "over"), [("dot", "1024-1024-512-256-1"), ("dot", "16-1"), ("cat", "64-1")])
def test_a_training_step_takes_no_more_than_is_said_and_not_far_less(interaction, over, precision):
    config = make_config(
        embedding_dim=32, bottom="13-64-32", over=over, table_rows=(5000,) * 26, interaction=interaction
    )
    origin, rows = SeededOrigin(config, 0), 2048
    tables = {f"emb_l.{t}.weight": torch.from_numpy(origin.rows(t, 0, n)) for t, n in enumerate(config.table_rows)}
    trainer = trainer_of(eager_training, tables | origin.stacks(), config, precision)
    batch = Batch(dense_BI=torch.rand(rows, 13), sparse_BF=torch.randint(5000, (rows, 26)), label_B=torch.ones(rows))
    gradient_bytes = 4 * config.dense_parameters
    taken = peak_bytes(lambda: trainer.step([batch], 0.1)) - gradient_bytes
    assert taken <= training_step_bytes(config, rows, rows) <= 3 * taken
