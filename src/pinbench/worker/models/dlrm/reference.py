"""The textbook computation in fp32, one plain operation a line: what every fast path is checked against.

It shares no code with the model: neither its boxes nor its packed layers nor its weight store.
"""

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction


def reference_logits(config: DlrmConfig, stacks: dict[str, Tensor], dense_BI: Tensor, rows_BFD: Tensor) -> Tensor:
    """Return the logits of the click probability, shape (B,).

    Args:
        config: the sizes.
        stacks: weights and biases of all layers by the reference's names, fp32.
        dense_BI: dense features, log already taken.
        rows_BFD: the embedding row of each sparse feature, or the sum of its rows, fp32.
    """
    hidden_BD = dense_BI
    for layer in range(len(config.bottom) - 1):
        hidden_BD = functional.linear(
            hidden_BD, stacks[f"bot_l.{2 * layer}.weight"], stacks[f"bot_l.{2 * layer}.bias"]
        ).relu()
    features = [hidden_BD, *rows_BFD.unbind(dim=1)]
    if config.interaction is Interaction.DOT:
        dots = [(features[i] * features[j]).sum(dim=1) for i in range(len(features)) for j in range(i)]
        hidden = torch.cat([hidden_BD, torch.stack(dots, dim=1)], dim=1)
    else:
        hidden = torch.cat(features, dim=1)
    if config.interaction is Interaction.DCN:
        hidden = _crossed(config, stacks, hidden)
    last = len(config.over) - 2
    for layer in range(len(config.over) - 1):
        hidden = functional.linear(hidden, stacks[f"top_l.{2 * layer}.weight"], stacks[f"top_l.{2 * layer}.bias"])
        hidden = hidden if layer == last else hidden.relu()
    return hidden.squeeze(1)


def _crossed(config: DlrmConfig, stacks: dict[str, Tensor], first_BW: Tensor) -> Tensor:
    x_BW = first_BW
    for layer in range(config.cross_layers):
        low_BK = x_BW @ stacks[f"cross_l.{layer}.v"].T
        high_BW = low_BK @ stacks[f"cross_l.{layer}.w"].T
        x_BW = first_BW * (high_BW + stacks[f"cross_l.{layer}.bias"]) + x_BW
    return x_BW
