"""What DLRM-DCNv2 is compared with: torchrec's own modules, or the same computation as torchrec arranges it."""

from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.torchrec_names import torchrec_names

Logits = Callable[[Batch], Tensor]


def by_torchrec(config: DlrmConfig, tables_RD: Tensor, stacks: dict[str, Tensor], batches: Sequence[Batch]) -> Logits:
    """Return torchrec's DLRM_DCN in eager, on its own form of `batches`, made before."""
    from torchrec import EmbeddingBagCollection, EmbeddingBagConfig, KeyedJaggedTensor
    from torchrec.models.dlrm import DLRM_DCN

    features = [f"cat_{table}" for table in range(config.num_tables)]
    collection = EmbeddingBagCollection(
        tables=[
            EmbeddingBagConfig(
                name=f"t_{feature}", embedding_dim=config.embedding_dim, num_embeddings=rows, feature_names=[feature]
            )
            for feature, rows in zip(features, config.table_rows, strict=True)
        ]
    )
    model = DLRM_DCN(
        collection, config.bottom[0], list(config.bottom[1:]), list(config.over[1:]), config.cross_layers,
        config.cross_rank,
    )  # fmt: skip
    tables = dict(enumerate(tables_RD.split(list(config.table_rows))))
    ours = {f"emb_l.{table}.weight": rows for table, rows in tables.items()} | stacks
    model.load_state_dict({theirs: ours[name] for theirs, name in torchrec_names(config).items()})
    given = {id(batch): KeyedJaggedTensor(keys=features, **_by_table(config, batch)) for batch in batches}
    return lambda batch: model(batch.dense_BI, given[id(batch)]).squeeze(1)


def as_torchrec_arranges_it(
    config: DlrmConfig, tables_RD: Tensor, stacks: dict[str, Tensor], batches: Sequence[Batch]
) -> Logits:
    """Return the same computation from PyTorch's own parts alone."""
    model = _Arranged(config, tables_RD, stacks)
    given = {id(batch): [ids.contiguous() for ids in batch.sparse_BF.split(list(config.hots), 1)] for batch in batches}
    return lambda batch: model(batch.dense_BI, given[id(batch)])


class _Arranged(nn.Module):
    def __init__(self, config: DlrmConfig, tables_RD: Tensor, stacks: dict[str, Tensor]) -> None:
        super().__init__()
        self._config, self._stacks = config, stacks
        self.bags = nn.ModuleList(
            nn.EmbeddingBag.from_pretrained(table, mode="sum") for table in tables_RD.split(list(config.table_rows))
        )

    def forward(self, dense_BI: Tensor, ids_FBH: list[Tensor]) -> Tensor:
        dense_BD = self._linears("bot_l", len(self._config.bottom) - 1, dense_BI)
        sums = [bag(ids_BH) for bag, ids_BH in zip(self.bags, ids_FBH, strict=True)]
        first_BW = x_BW = torch.cat([dense_BD, *sums], dim=1)
        for layer in range(self._config.cross_layers):
            down, up, bias = (self._stacks[f"cross_l.{layer}.{kind}"] for kind in ("v", "w", "bias"))
            x_BW = first_BW * (nn.functional.linear(nn.functional.linear(x_BW, down), up) + bias) + x_BW
        last = len(self._config.over) - 2
        hidden_BW = self._linears("top_l", last, x_BW)
        weight, bias = self._stacks[f"top_l.{2 * last}.weight"], self._stacks[f"top_l.{2 * last}.bias"]
        return nn.functional.linear(hidden_BW, weight, bias).squeeze(1)

    def _linears(self, stack: str, layers: int, x_BW: Tensor) -> Tensor:
        for layer in range(layers):
            weight, bias = self._stacks[f"{stack}.{2 * layer}.weight"], self._stacks[f"{stack}.{2 * layer}.bias"]
            x_BW = nn.functional.linear(x_BW, weight, bias).relu()
        return x_BW


def _by_table(config: DlrmConfig, batch: Batch) -> dict[str, Tensor]:
    """Return ids of table after table, and how many each sample has there."""
    bags = batch.sparse_BF.split(list(config.hots), 1)
    samples = len(batch.dense_BI)
    lengths = torch.tensor(config.hots).repeat_interleave(samples)
    assert [*accumulate(config.hots)][-1] == batch.sparse_BF.shape[1]
    return {"values": torch.cat([ids_BH.flatten() for ids_BH in bags]), "lengths": lengths}
