"""A model as a graph of PyTorch's core operators, its tables lent."""

import warnings

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pinbench.worker.engine._stateless import Stateless


def export(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[ExportedProgram, tuple[Tensor, ...]]:
    """Return the program of `model` for inputs of these shapes, and the tables that it takes before them."""
    stateless = Stateless(model)
    lent = stateless.lent
    program = torch.export.export(stateless, (*lent, *inputs))
    with warnings.catch_warnings():
        # PyTorch copies the program, and with it the leaves of its own call specification, whose class it is about to
        # give up (torch/utils/_pytree.py): the copy is its doing, and nothing here can name another class.
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
        return program.run_decompositions({}), lent  # {}: composite operators only; `linear` stays whole
