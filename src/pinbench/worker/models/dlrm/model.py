"""DLRM: wires the boxes of the paper's diagram (Naumov et al., arXiv:1906.00091, figure 1)."""

from typing import Self

import torch
from torch import Tensor, nn

from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.cross import CrossInteraction
from pinbench.worker.models.dlrm.dense import DenseArch
from pinbench.worker.models.dlrm.interaction import CatInteraction, DotInteraction
from pinbench.worker.models.dlrm.lookup_dots import LookupDots
from pinbench.worker.models.dlrm.over import OverArch
from pinbench.worker.models.dlrm.sparse import HotArch, PooledArch, SparseArch
from pinbench.worker.ops.bags import BagOperator, BagParts
from pinbench.worker.ops.parts import DotParts


class Features(nn.Module):
    """Sparse arch and interaction behind each other: what a faster box may replace as a whole."""

    def __init__(
        self,
        sparse_arch: SparseArch | HotArch | PooledArch,
        interaction: DotInteraction | CatInteraction | CrossInteraction,
    ) -> None:
        super().__init__()
        self.sparse_arch = sparse_arch
        self.interaction = interaction

    def forward(self, dense_BD: Tensor, *sparse: Tensor) -> Tensor:
        """Return the input of the over arch, shape (B, W); `sparse` is what the sparse arch takes."""
        features_BW: Tensor = self.interaction(dense_BD, self.sparse_arch(*sparse))
        return features_BW


class BagFeatures(nn.Module):
    """The same, the sums of rows by an operator of our own."""

    def __init__(self, features: Features, operator: BagOperator) -> None:
        super().__init__()
        assert isinstance(features.sparse_arch, HotArch)
        assert isinstance(features.interaction, CrossInteraction)
        self.sparse_arch, self.interaction = features.sparse_arch, features.interaction
        self._operator = operator

    def forward(self, dense_BD: Tensor, sparse_BC: Tensor) -> Tensor:
        """Return the input of the over arch, shape (B, W)."""
        row_N, offset_K = self.sparse_arch.bags(sparse_BC, with_end=True)
        features_BW = self._operator(dense_BD.to(self.sparse_arch.tables_RD.dtype), row_N, offset_K)
        return self.interaction.cross(features_BW)


class Dlrm(nn.Module):
    """Click probabilities from dense features (log already taken) and one id a sparse feature, or a bag of them."""

    def __init__(
        self,
        config: DlrmConfig,
        tables_RD: Tensor,
        activation_dtype: torch.dtype | None = None,
        sparse_arch: type[SparseArch] | type[PooledArch] = SparseArch,
    ) -> None:
        """Wire the boxes around tables that are given; None: what enters the model has their type."""
        super().__init__()
        self.dense_arch = DenseArch(config.bottom)
        self.features: nn.Module = Features(
            HotArch(tables_RD, config.table_rows, config.hots)
            if config.hots
            else sparse_arch(tables_RD, config.table_rows),
            _interaction(config),
        )
        self.over_arch = OverArch(config.over)
        self.activation_dtype = activation_dtype or tables_RD.dtype

    def load_stacks(self, weights: dict[str, Tensor]) -> None:
        """Copy the weights and biases of all layers, given by the reference's names."""
        match self.features:
            case Features(interaction=CrossInteraction() as interaction):
                interaction.load(weights)
        for prefix, arch in (("bot_l.", self.dense_arch), ("top_l.", self.over_arch)):
            state = {
                f"layers.{name.removeprefix(prefix)}": weight
                for name, weight in weights.items()
                if name.startswith(prefix)
            }
            arch.load_state_dict(state)

    def for_inference(self, batch_size: int) -> Self:
        """Return this model with the fastest boxes there are for batches of up to `batch_size` rows."""
        match self.features:
            case Features(sparse_arch=SparseArch() as sparse_arch, interaction=DotInteraction() as interaction):
                self.features = LookupDots(sparse_arch, interaction, batch_size)
            case Features(interaction=CrossInteraction() as interaction):
                interaction.for_inference(batch_size)
        return self

    def dot_parts(self) -> DotParts | None:
        """Return what an operator that computes all of it needs; None: features do not meet by their dots."""
        match self.features:
            case Features(sparse_arch=tables, interaction=DotInteraction()) | (LookupDots() as tables):
                return DotParts(
                    pooled=isinstance(tables, PooledArch),
                    tables_RD=tables.tables_RD,
                    first_row_F=tables.offset_F,
                    bottom=self.dense_arch.layers,
                    over=self.over_arch.layers,
                )
        return None

    def bag_parts(self) -> BagParts | None:
        """Return what an operator that adds up rows needs; None: there is one that computes more, or no bag."""
        match self.features:
            case Features(sparse_arch=HotArch() as tables, interaction=CrossInteraction()):
                end = torch.tensor([len(tables.tables_RD)])
                rows_F = torch.diff(tables.offset_F, append=end)
                return BagParts(tables_RD=tables.tables_RD, first_row_F=tables.offset_F, rows_F=rows_F)
        return None

    def add_up_by(self, operator: BagOperator) -> None:
        """Leave the sums of rows to `operator`."""
        assert isinstance(self.features, Features)
        self.features = BagFeatures(self.features, operator)

    def forward(self, dense_BI: Tensor, *sparse: Tensor) -> Tensor:
        """Return the click probability, shape (B,); `sparse` is what the sparse arch takes."""
        dense_BD = self.dense_arch(dense_BI.to(self.activation_dtype))
        probability_B: Tensor = self.over_arch(self.features(dense_BD, *sparse))
        return probability_B


def _interaction(config: DlrmConfig) -> DotInteraction | CatInteraction | CrossInteraction:
    match config.interaction:
        case Interaction.DOT:
            return DotInteraction(config.num_tables)
        case Interaction.CAT:
            return CatInteraction()
        case Interaction.DCN:
            return CrossInteraction(config)
