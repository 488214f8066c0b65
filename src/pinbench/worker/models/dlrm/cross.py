"""The cross network of DCN-v2 (Wang et al., arXiv:2008.13535, section 3), its matrices of low rank.

B samples, W numbers of all features of a sample, K rank.
"""

import torch
from torch import Tensor, nn

from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.onednn.packed_linear import PackedLinear, PackedPair


class CrossLayer(nn.Module):
    """``x0 * (W(V x) + b) + x`` (torchrec, modules/crossnet.py, LowRankCrossNet): the bias is W's, V has none."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.kernels = nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, width))

    def load(self, v_KW: Tensor, w_WK: Tensor, bias_W: Tensor) -> None:
        """Copy the weights."""
        self.kernels.load_state_dict({"0.weight": v_KW, "1.weight": w_WK, "1.bias": bias_W})

    def forward(self, first_BW: Tensor, x_BW: Tensor) -> Tensor:
        """Return shape (B, W); `first_BW` is the input of the first layer."""
        crossed_BW: Tensor = first_BW * self.kernels(x_BW) + x_BW
        return crossed_BW


class PackedCrossLayer(nn.Module):
    """A `CrossLayer` for inference: both products by oneDNN, the one with `first_BW` fused into the second."""

    def __init__(self, layer: CrossLayer, batch_size: int) -> None:
        """Take the weights of `layer`, which is of no use afterwards."""
        super().__init__()
        down, up = layer.kernels
        assert isinstance(down, nn.Linear)
        assert isinstance(up, nn.Linear)
        self.down = PackedLinear(down, "none", batch_size)
        self.up = PackedPair(up, "mul", batch_size)

    def forward(self, first_BW: Tensor, x_BW: Tensor) -> Tensor:
        """Return shape (B, W)."""
        crossed_BW: Tensor = self.up(self.down(x_BW), first_BW)
        return crossed_BW.add_(x_BW)


class CrossInteraction(nn.Module):
    """Dense and sparse features behind each other, then each number with all others, layer by layer."""

    def __init__(self, config: DlrmConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            CrossLayer(config.features_width, config.cross_rank) for _ in range(config.cross_layers)
        )

    def forward(self, dense_BD: Tensor, sparse_BFD: Tensor) -> Tensor:
        """Return shape (B, W)."""
        return self.cross(torch.cat([dense_BD, sparse_BFD.flatten(1)], dim=1))

    def cross(self, first_BW: Tensor) -> Tensor:
        """Return what the layers make of the features, shape (B, W)."""
        x_BW = first_BW
        for layer in self.layers:
            x_BW = layer(first_BW, x_BW)
        return x_BW

    def load(self, weights: dict[str, Tensor]) -> None:
        """Copy the weights, given by the names ``cross_l.0.v``, ``cross_l.0.w`` and ``cross_l.0.bias``."""
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, CrossLayer)
            layer.load(*(weights[f"cross_l.{number}.{kind}"] for kind in ("v", "w", "bias")))

    def for_inference(self, batch_size: int) -> None:
        """Give the layers up for packed ones; those that are in codes stay."""
        for number, layer in enumerate(self.layers):
            if isinstance(layer, CrossLayer) and all(type(kernel) is nn.Linear for kernel in layer.kernels):
                self.layers[number] = PackedCrossLayer(layer, batch_size)
