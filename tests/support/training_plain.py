"""Training as a textbook has it, in float64: a bag a table with sparse gradients, autograd, SGD; and its input."""

import itertools

import torch
from torch import Tensor, nn

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config


def config_of(*, tables: int, width: int, rows=None, inputs: int = 13, bottom=(24,), over=(40, 24)) -> DlrmConfig:
    """Return sizes; `bottom` and `over` are the hidden layers."""
    return make_config(
        embedding_dim=width,
        bottom="-".join(map(str, (inputs, *bottom, width))),
        over="-".join(map(str, (*over, 1))),
        table_rows=tuple(rows or [1 + 7 * (table % 4) for table in range(tables)]),
        interaction="dot",
    )


def weights_of(config: DlrmConfig, seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Return tables behind each other and stacks, with values of order one."""
    generator = torch.Generator().manual_seed(seed)
    tables_RD = torch.rand(sum(config.table_rows), config.embedding_dim, generator=generator) - 0.5
    stacks = {}
    for name, sizes in (("bot_l", config.bottom), ("top_l", config.over)):
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            weight_OI = torch.randn(outputs, inputs, generator=generator) / inputs**0.5
            stacks[f"{name}.{2 * layer}.weight"] = weight_OI
            stacks[f"{name}.{2 * layer}.bias"] = torch.rand(outputs, generator=generator) - 0.3
    return tables_RD, stacks


def batch_of(config: DlrmConfig, samples: int, seed: int = 1) -> Batch:
    """Return a batch whose first sample has all the first rows, and its last one all the last rows."""
    generator = torch.Generator().manual_seed(seed)
    rows_F = torch.tensor(config.table_rows)
    id_BF = (torch.rand(samples, len(rows_F), generator=generator, dtype=torch.float64) * rows_F).long()
    id_BF[0] = 0
    id_BF[-1] = rows_F - 1
    return Batch(
        dense_BI=torch.rand(samples, config.bottom[0], generator=generator),
        sparse_BF=id_BF,
        label_B=torch.randint(2, (samples,), generator=generator).float(),
    )


def cut(batch: Batch, sizes) -> list[Batch]:
    """Return the batch in parts of `sizes`."""
    parts = [tensor.split(list(sizes)) for tensor in (batch.dense_BI, batch.sparse_BF, batch.label_B)]
    return [Batch(dense_BI=dense, sparse_BF=ids, label_B=label) for dense, ids, label in zip(*parts, strict=True)]


class PlainTraining(nn.Module):
    """The model that learns; it shares nothing with the engines."""

    def __init__(self, config: DlrmConfig, tables_RD: Tensor, stacks: dict[str, Tensor]) -> None:
        super().__init__()
        self.bags = nn.ModuleList(
            nn.EmbeddingBag.from_pretrained(rows.double().clone(), freeze=False, mode="sum", sparse=True)
            for rows in tables_RD.split(list(config.table_rows))
        )
        self.stacks = nn.ParameterDict(
            {name.replace(".", "/"): nn.Parameter(weight.double().clone()) for name, weight in stacks.items()}
        )
        self.layers = {"bot_l": len(config.bottom) - 1, "top_l": len(config.over) - 1}

    def logits(self, batch: Batch) -> Tensor:
        hidden = self._stack("bot_l", batch.dense_BI.double(), self.layers["bot_l"])
        offset_B = torch.arange(len(hidden))
        features = [hidden, *(bag(ids, offset_B) for bag, ids in zip(self.bags, batch.sparse_BF.T, strict=True))]
        dots = [(features[i] * features[j]).sum(1) for i in range(len(features)) for j in range(i)]
        hidden = self._stack("top_l", torch.cat([hidden, torch.stack(dots, dim=1)], dim=1), self.layers["top_l"] - 1)
        return self._linear(f"top_l/{2 * (self.layers['top_l'] - 1)}", hidden).squeeze(1)

    def step(self, batch: Batch, learning_rate: float) -> float:
        """Learn, and return the loss before."""
        with torch.enable_grad():
            loss = nn.functional.binary_cross_entropy_with_logits(self.logits(batch), batch.label_B.double())
            loss.backward()
            optimizer = torch.optim.SGD(self.parameters(), lr=learning_rate)
            optimizer.step()
            optimizer.zero_grad()
        return loss.item()

    def state(self) -> dict[str, Tensor]:
        tables = {f"emb_l.{table}.weight": bag.weight.detach() for table, bag in enumerate(self.bags)}
        return tables | {name.replace("/", "."): weight.detach() for name, weight in self.stacks.items()}

    def _stack(self, name: str, hidden: Tensor, layers: int) -> Tensor:
        for layer in range(layers):
            hidden = self._linear(f"{name}/{2 * layer}", hidden).relu()
        return hidden

    def _linear(self, name: str, hidden: Tensor) -> Tensor:
        return hidden @ self.stacks[f"{name}/weight"].T + self.stacks[f"{name}/bias"]


def largest_errors(state, plain: PlainTraining, begin: dict[str, Tensor]) -> tuple[float, float]:
    """Return the largest difference to the plain weights, as a share of a tensor's largest and of the most it moved."""
    of_weight, of_moved = [], []
    for name, expected in plain.state().items():
        error = (state[name].double() - expected).abs().nan_to_num(nan=float("inf")).max().item()
        largest = expected.abs().max().item()
        moved = (expected - begin[name].double()).abs().max().item()
        of_weight.append(error / largest)
        of_moved.append(error / max(moved, 1e-2 * largest))
    return max(of_weight), max(of_moved)
