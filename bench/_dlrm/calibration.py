"""The scales of int8 for a comparison: those of made-up rows, as a run without a data set has them."""

import torch

from pinbench.worker.data.criteo.calibration import synthetic_calibration
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.onednn.calibration import Calibration


def made_up_calibration(config: DlrmConfig, alpha: float) -> Calibration:
    make_batches, rows = synthetic_calibration(config.table_rows, alpha, 0)

    def feed(model: torch.nn.Module) -> None:
        for batch in make_batches():
            model(batch.dense_BI, batch.sparse_BF)

    return Calibration(feed=feed, model=f"DLRM {config}, seed 0", rows=rows)
