"""All layers of a DLRM with a cross network as autograd computes them, with masters in fp32.

B samples, W numbers of all features of a sample, D embedding width, F sparse features.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from pinbench.contract.case import Precision
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.dlrm._stacks import Stacks


class CrossStacks(Stacks):
    """Both MLPs and the cross network between them."""

    def __init__(self, config: DlrmConfig, weights: Mapping[str, Tensor], precision: Precision) -> None:
        """Copy `weights`, by the reference's names."""
        super().__init__(config, weights, precision, torch.device("cpu"))
        self._layers = config.cross_layers
        self._no_bias_K = torch.zeros(config.cross_rank)

    def logits(self, dense_BI: Tensor, sums_BFD: Tensor) -> Tensor:
        """Return the logit of each row, float32, shape (B,)."""
        sparse_BW = self.rounded(sums_BFD).flatten(1)
        return self.over(self._crossed(torch.cat([self.bottom(dense_BI), sparse_BW], dim=1)))

    def _crossed(self, first_BW: Tensor) -> Tensor:
        x_BW = first_BW
        for layer in range(self._layers):
            down, up, bias = (self.rounded(self.weights[f"cross_l.{layer}.{kind}"]) for kind in ("v", "w", "bias"))
            low_BK = self.rounded(self._linear(x_BW, down, self.rounded(self._no_bias_K)))
            x_BW = self.rounded(first_BW * self.rounded(self._linear(low_BK, up, bias)) + x_BW)
        return x_BW
