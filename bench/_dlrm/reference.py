"""The reference's computation as it arranges it, on a model of MLPerf's sizes, and how fast a call is."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.schema import TERABYTE_TABLE_ROWS
from pinbench.worker.models.dlrm.capping import cap_rows
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.rows import SeededOrigin, fill_tables
from pinbench.worker.weights import private_store

# What the comparisons measure unless they are told otherwise: one home, so that they measure the same.
MAX_IND_RANGE = 100_000
ALPHA = 1.05


class ReferenceAlgorithm(nn.Module):
    """What facebookresearch/dlrm computes (dlrm_s_pytorch.py): a bag a table, nn.Linear, bmm, pairs by fresh lists."""

    def __init__(
        self, config: DlrmConfig, tables_RD: Tensor, stacks: dict[str, Tensor], *, learns: bool = False
    ) -> None:
        super().__init__()
        self.bags = nn.ModuleList(
            nn.EmbeddingBag.from_pretrained(table, freeze=not learns, mode="sum", sparse=learns)
            for table in tables_RD.split(list(config.table_rows))
        )
        self.bottom = self._stack("bot_l", config.bottom, stacks, nn.ReLU())
        self.top = self._stack("top_l", config.over, stacks, nn.Sigmoid())

    @staticmethod
    def _stack(prefix: str, sizes: tuple[int, ...], weights: dict[str, Tensor], last: nn.Module) -> nn.Sequential:
        layers: list[nn.Module] = []
        for position in range(len(sizes) - 1):
            linear = nn.Linear(sizes[position], sizes[position + 1])
            linear.weight.data = weights[f"{prefix}.{2 * position}.weight"]
            linear.bias.data = weights[f"{prefix}.{2 * position}.bias"]
            layers += [linear, nn.ReLU()]
        return nn.Sequential(*layers[:-1], last)

    def forward(self, dense_BI: Tensor, offset_FB: list[Tensor], index_FB: list[Tensor]) -> Tensor:
        dense_BD = self.bottom(dense_BI)
        rows = [bag(ids, offsets) for bag, ids, offsets in zip(self.bags, index_FB, offset_FB, strict=True)]
        stacked_BGD = torch.cat([dense_BD, *rows], dim=1).view(len(dense_BD), -1, dense_BD.shape[1])
        dots_BGG = torch.bmm(stacked_BGD, stacked_BGD.transpose(1, 2))
        features = dots_BGG.shape[1]
        row_P = torch.tensor([i for i in range(features) for j in range(i)])
        column_P = torch.tensor([j for i in range(features) for j in range(i)])
        return self.top(torch.cat([dense_BD, dots_BGG[:, row_P, column_P]], dim=1))


def mlperf_config(max_ind_range: int) -> DlrmConfig:
    return make_config(
        embedding_dim=128,
        bottom="13-512-256-128",
        over="1024-1024-512-256-1",
        table_rows=cap_rows(TERABYTE_TABLE_ROWS, max_ind_range),
        interaction="dot",
    )


def tables_of(config: DlrmConfig, origin: SeededOrigin, threads: int) -> Tensor:
    store = private_store(config.table_bytes(4))
    tables_RD = torch.from_numpy(store.bytes_view).view(torch.float32).view(-1, config.embedding_dim)
    with ThreadPoolExecutor(threads) as pool:
        fill_tables(tables_RD.numpy(), origin, config.table_rows, pool)
    return tables_RD


def rate(call: Callable[[Batch], Tensor], batches: Sequence[Batch], seconds: float) -> float:
    """Return samples per second of `call` on `batches`, round and round for `seconds`."""
    steps, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        call(batches[steps % len(batches)])
        steps += 1
    return steps * len(batches[0].dense_BI) / elapsed
