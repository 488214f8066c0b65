"""The over arch: the top MLP, up to the click probability."""

from collections.abc import Sequence

from torch import Tensor, nn

from pinbench.worker.models.dlrm.stack import linear_stack


class OverArch(nn.Module):
    """Linear and ReLU; the last layer ends in a sigmoid."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.layers = linear_stack(sizes, last=nn.Sigmoid())

    def forward(self, features_BW: Tensor) -> Tensor:
        """Return the click probability, shape (B,)."""
        output: Tensor = self.layers(features_BW)
        return output.squeeze(1)
