"""bfloat16 weights, tables and activations; oneDNN adds up in fp32, and the last layer stays in fp32."""

import torch
from torch import nn

from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.ops.cast import ToFloat

TABLE_DTYPE = torch.bfloat16
ACTIVATION_DTYPE = torch.bfloat16  # of what enters the model
IS_CALIBRATED = False
MULTIPLY_DTYPE = torch.bfloat16

# Largest difference of a logit to fp32 eager. bfloat16 rounds to 8 bits (unit roundoff 2**-9, 0.2 %), at each of
# the eight layers and the interaction; a logit of size 10 may be off by some 0.1.
LOGIT_TOLERANCE = 0.1
# The same as a share of the standard deviation of the logits, for models with many: 24 layers of BERT-Large, with
# normed sums in bfloat16 between them, add up to some hundredths.
SPREAD_TOLERANCE = 0.25


def apply(model: nn.Module, _: Calibration | None) -> nn.Module:
    """Return `model` computing in bfloat16; tables that are in bfloat16 already stay where they lie."""
    model.bfloat16()
    last = _last_linear(model)
    for module in model.modules():
        if isinstance(module, nn.Sequential) and last in module:
            position = list(module).index(last)
            module.insert(position, ToFloat())
    last.float()
    return model


def _last_linear(model: nn.Module) -> nn.Linear:
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
