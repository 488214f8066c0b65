"""DLRM: wires the boxes of the paper's diagram (Naumov et al., arXiv:1906.00091, figure 1)."""

from torch import Tensor, nn

from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.dense import DenseArch
from pinbench.worker.models.dlrm.interaction import CatInteraction, DotInteraction
from pinbench.worker.models.dlrm.over import OverArch
from pinbench.worker.models.dlrm.sparse import SparseArch


class Dlrm(nn.Module):
    """Click probabilities from dense features (log already taken) and one id a sparse feature."""

    def __init__(self, config: DlrmConfig, tables_RD: Tensor) -> None:
        super().__init__()
        self.dense_arch = DenseArch(config.bottom)
        self.sparse_arch = SparseArch(tables_RD, config.table_rows)
        self.interaction: nn.Module = (
            DotInteraction(config.num_tables) if config.interaction is Interaction.DOT else CatInteraction()
        )
        self.over_arch = OverArch(config.over)

    def load_stacks(self, weights: dict[str, Tensor]) -> None:
        """Copy the weights and biases of both stacks, given by the reference's names."""
        for prefix, arch in (("bot_l.", self.dense_arch), ("top_l.", self.over_arch)):
            state = {
                f"layers.{name.removeprefix(prefix)}": weight
                for name, weight in weights.items()
                if name.startswith(prefix)
            }
            arch.load_state_dict(state)

    def forward(self, dense_BI: Tensor, sparse_BF: Tensor) -> Tensor:
        """Return the click probability, shape (B,)."""
        dense_BD = self.dense_arch(dense_BI.to(self.sparse_arch.tables_RD.dtype))
        sparse_BFD = self.sparse_arch(sparse_BF)
        probability_B: Tensor = self.over_arch(self.interaction(dense_BD, sparse_BFD))
        return probability_B
