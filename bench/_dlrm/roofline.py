"""The ceiling of this run: oneDNN's best rate at the model's own layer shapes, and the rate of random rows."""

import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.onednn.peak import packed_product

_GATHERED = 4_096  # rows at a time: 2 MiB of fp32 at D = 128, which stay in a cache, so that reading is what counts
_DISTINCT = 64


class Roofline:
    """Samples per second if products ran at the best rate of all layers and rows came at the gather's; no overlap."""

    def __init__(
        self, config: DlrmConfig, tables_RD: Tensor, batch_size: int, dtype: torch.dtype | None = None
    ) -> None:
        """Make the operands; None: products are of the type of the tables."""
        dtype = dtype or tables_RD.dtype
        self._config = config
        self._batch_size = batch_size
        shapes = {pair for stack in (config.bottom, config.over) for pair in pairwise(stack)}
        if config.cross_layers:
            shapes |= {(config.features_width, config.cross_rank), (config.cross_rank, config.features_width)}
        self._layers = [
            (2 * inputs * outputs, *packed_product(dtype, batch_size, inputs, outputs))
            for inputs, outputs in sorted(shapes)
        ]
        self._tables_RD = tables_RD
        self._row_N = torch.randint(0, len(tables_RD), (_DISTINCT, _GATHERED))
        self._gathered_ND = torch.empty(_GATHERED, tables_RD.shape[1], dtype=tables_RD.dtype)

    def rate(self, seconds: float) -> float:
        """Return the samples per second of the ceiling, measured for `seconds`."""
        flop_per_s, rows_per_s = self.measure(seconds)
        return 1 / (self._config.flops_per_sample / flop_per_s + self._config.num_tables / rows_per_s)

    def measure(self, seconds: float) -> tuple[float, float]:
        """Return the best rate of products and that of random rows, measured for `seconds`."""
        part = seconds / (len(self._layers) + 1)
        flop_per_s = max(
            flops * self._batch_size / _seconds_a_call(lambda _, layer=layer, x=x: layer(x), part)
            for flops, layer, x in self._layers
        )
        return flop_per_s, _GATHERED / _seconds_a_call(self._gather, part)

    def _gather(self, count: int) -> Tensor:
        return torch.index_select(self._tables_RD, 0, self._row_N[count % _DISTINCT], out=self._gathered_ND)


def _seconds_a_call(call: Callable[[int], Tensor], seconds: float) -> float:
    call(0)
    count, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds or not count:
        call(count)
        count += 1
    return elapsed / count
