"""A stack of linear layers, each with its activation: what both MLPs of the paper's diagram are made of."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def linear_stack(sizes: Sequence[int], last: nn.Module) -> nn.Sequential:
    """Return linear layers of `sizes` with ReLU between them and `last` behind the last one.

    Positions are those of the reference: the weights of layer i stand at key ``{2 * i}.weight``.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    layers[-1] = last
    return nn.Sequential(*layers)
