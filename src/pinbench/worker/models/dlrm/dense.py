"""The dense arch: the bottom MLP."""

from collections.abc import Sequence

from torch import Tensor, nn

from pinbench.worker.models.dlrm.stack import linear_stack


class DenseArch(nn.Module):
    """Linear and ReLU, including the last layer (the reference's ``sigmoid_bot = -1``)."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.layers = linear_stack(sizes, last=nn.ReLU())

    def forward(self, dense_BI: Tensor) -> Tensor:
        """Return shape (B, D)."""
        output: Tensor = self.layers(dense_BI)
        return output
