"""One step of training as the reference arranges it, and the ceiling of a step on this host."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from _dlrm.reference import ReferenceAlgorithm
from _dlrm.roofline import Roofline
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig

Step = Callable[[Batch], Tensor]

_COPIED_BYTES = 256 << 20  # far beyond any cache
_PRODUCTS = 3  # a layer multiplies forward, for the gradient of its input, and for that of its weight


def reference_step(
    config: DlrmConfig, tables_RD: Tensor, stacks: dict[str, Tensor], batches: Sequence[Batch], learning_rate: float
) -> Step:
    """Return what facebookresearch/dlrm does in a step (dlrm_s_pytorch.py): sparse gradients, autograd, SGD."""
    model = ReferenceAlgorithm(
        config, tables_RD, {name: weight.clone() for name, weight in stacks.items()}, learns=True
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    loss_of = nn.BCELoss(reduction="mean")
    offset_FB = [torch.arange(len(batches[0].dense_BI))] * config.num_tables
    # The reference is given its indices as its own loader makes them: one contiguous list a table.
    by_table = {id(batch): [ids.contiguous() for ids in batch.sparse_BF.unbind(1)] for batch in batches}

    def step(batch: Batch) -> Tensor:
        assert batch.label_B is not None
        loss: Tensor = loss_of(model(batch.dense_BI, offset_FB, by_table[id(batch)]), batch.label_B[:, None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


class TrainingRoofline:
    """Samples per second if products ran at the best rate of all layers and rows moved as memory can; no overlap.

    An update reads a row and its gradient and writes the row, at the rate of a large copy.
    """

    def __init__(self, config: DlrmConfig, tables_RD: Tensor, dtype: torch.dtype, batch_size: int) -> None:
        self._config = config
        self._batch_size = batch_size
        self._inference = Roofline(config, tables_RD, batch_size, dtype)
        self._from = torch.zeros(_COPIED_BYTES // 4)
        self._to = torch.zeros(_COPIED_BYTES // 4)

    def rate(self, seconds: float) -> float:
        """Return the samples per second of the ceiling, measured for `seconds`."""
        self.measure(seconds)
        return 1 / (self.products_s(_PRODUCTS * self._config.flops_per_sample) + self.gather_s + self.update_s)

    def measure(self, seconds: float) -> None:
        """Measure the three rates anew."""
        self.flop_per_s, rows_per_s = self._inference.measure(seconds * 0.8)
        count, begin = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - begin) < seconds * 0.2 or not count:
            self._to.copy_(self._from)
            count += 1
        bytes_per_s = 2 * _COPIED_BYTES * count / elapsed
        self.gather_s = self._config.num_tables / rows_per_s
        self.update_s = 3 * 4 * self._config.embedding_dim * self._config.num_tables / bytes_per_s

    def products_s(self, flops: float) -> float:
        """Return the least seconds that `flops` take."""
        return flops / self.flop_per_s
