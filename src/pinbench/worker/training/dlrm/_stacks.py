"""Both stacks of MLPs as autograd computes them, with masters in fp32; on any device that PyTorch computes on.

In bfloat16, weights and activations are rounded to it on their way into each product, and the last layer stays in fp32.
On a CPU without products of bfloat16, those of fp32 stand in for them: of rounded numbers, whose results are rounded.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pinbench.contract.case import Precision
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.interaction import CatInteraction, DotInteraction
from pinbench.worker.onednn.trained_linear import multiplies_bfloat16, trained_linear

COMPUTE = {Precision.FP32: torch.float32, Precision.BFLOAT16: torch.bfloat16}


class Stacks:
    """The weights, copied, and what they compute. B rows of a batch, I dense features, D embedding width, W any."""

    def __init__(
        self, config: DlrmConfig, weights: Mapping[str, Tensor], precision: Precision, device: torch.device
    ) -> None:
        """Copy `weights`, by the reference's names, to `device`."""
        self.weights = {name: w.detach().to(device, copy=True).requires_grad_() for name, w in weights.items()}
        self.rounds_to = COMPUTE[precision]
        imitates = self.rounds_to is torch.bfloat16 and device.type == "cpu" and not multiplies_bfloat16()
        self._products = torch.float32 if imitates else self.rounds_to
        self._is_cpu = device.type == "cpu"
        self._config = config
        self.settings = {
            "device": str(device),
            "numbers": _name(self.rounds_to),
            "products": _name(self._products),
            "masters": "float32",
            "tables": "float32",
        }

    def rounded(self, numbers: Tensor) -> Tensor:
        """Return `numbers`, and on the way back their gradient, rounded to the precision, in the dtype of products."""
        return numbers.to(self.rounds_to).to(self._products)

    def bottom(self, dense_BI: Tensor) -> Tensor:
        """Return the dense feature, shape (B, D)."""
        return self._hidden("bot_l", len(self._config.bottom) - 1, self.rounded(dense_BI))

    def over(self, features_BW: Tensor) -> Tensor:
        """Return the logit of each row, float32, shape (B,)."""
        last = len(self._config.over) - 2
        hidden_BW = self._hidden("top_l", last, self.rounded(features_BW)).float()
        return self._linear(hidden_BW, *self._layer("top_l", last)).squeeze(1)

    def _hidden(self, stack: str, layers: int, hidden_BW: Tensor) -> Tensor:
        for layer in range(layers):
            weight, bias = (self.rounded(master) for master in self._layer(stack, layer))
            hidden_BW = self.rounded(self._linear(hidden_BW, weight, bias)).relu()
        return hidden_BW

    def _linear(self, x_BI: Tensor, weight_OI: Tensor, bias_O: Tensor) -> Tensor:
        # oneDNN has no product of no rows, which is what a rank has of a batch with fewer rows than ranks.
        linear = trained_linear if self._is_cpu and len(x_BI) else functional.linear
        return linear(x_BI, weight_OI, bias_O)

    def _layer(self, stack: str, layer: int) -> tuple[Tensor, Tensor]:
        weight, bias = (self.weights[f"{stack}.{2 * layer}.{kind}"] for kind in ("weight", "bias"))
        return weight, bias


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def interaction_of(config: DlrmConfig) -> nn.Module:
    """Return how dense and sparse features meet."""
    return DotInteraction(config.num_tables) if config.interaction is Interaction.DOT else CatInteraction()
