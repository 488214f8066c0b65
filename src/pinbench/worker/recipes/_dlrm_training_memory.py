"""How much memory a DLRM training leaves to its tables, so that MAX_IND_RANGE can be chosen by it."""

from pinbench.contract.case import Mode
from pinbench.contract.plan import Instance
from pinbench.worker.data.criteo.batches import Split
from pinbench.worker.data.criteo.footprint import batch_row_bytes, ready_bytes, stream_bytes
from pinbench.worker.metrics.click_scores import SCORE_ROW_BYTES
from pinbench.worker.models.dlrm.capping import batch_remainder_bytes, mlp_remainder_bytes, score_remainder_bytes
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.footprint import training_step_bytes
from pinbench.worker.recipes._dlrm_parts import is_end_to_end, num_ready
from pinbench.worker.recipes._dlrm_training_orders import eval_batch_size, evaluated_rows

WARM_UP_BATCHES = 2


def remainder_bytes(instance: Instance, config: DlrmConfig, train: Split | None, test: Split | None) -> int:
    """Return what MLPs, batches, gradients and scores leave of the instance's memory to the tables.

    Raises:
        ModelError: nothing; names what takes it.
    """
    case = instance.case
    budget_bytes = mlp_remainder_bytes(config.dense_parameters, instance.weight_budget_bytes)
    batch_size, ids = case.knobs.batch_size, config.num_ids
    count = WARM_UP_BATCHES if case.mode is Mode.ACCURACY else num_ready(case)
    rows = batch_size * count
    part_rows = -(-batch_size // int(case.knobs.own["GRADIENT_ACCUMULATION"]))
    step_bytes = training_step_bytes(config, part_rows, batch_size)
    threads = int(case.knobs.own["DATA_THREADS"])
    read_bytes = stream_bytes(batch_size, threads, ids) if is_end_to_end(case) else 0
    need_bytes = read_bytes + max(ready_bytes(rows, ids), step_bytes + batch_row_bytes(ids) * rows)
    if test is not None:
        need_bytes += stream_bytes(eval_batch_size(case), threads, ids)
    budget_bytes = batch_remainder_bytes(batch_size, need_bytes, instance.weight_users, budget_bytes)
    if test is None:
        return budget_bytes
    rows = evaluated_rows(case, test)
    return score_remainder_bytes(rows, rows * SCORE_ROW_BYTES, budget_bytes)
