"""fp32 weights, tables and activations whose products oneDNN may round to bfloat16 on their way into the multiplier."""

import torch
from torch import nn

from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.fpmath import multiply_in_bfloat16

TABLE_DTYPE = torch.float32
ACTIVATION_DTYPE = torch.float32  # of what enters the model
IS_CALIBRATED = False
MULTIPLY_DTYPE = torch.float32

# Largest difference of a logit to fp32 eager: that of bfloat16, whose rounding each product has.
LOGIT_TOLERANCE = 0.1
# The same as a share of the standard deviation of the logits, for models with many.
SPREAD_TOLERANCE = 0.25


def apply(model: nn.Module, _: Calibration | None) -> nn.Module:
    """Return `model` as it is; the switch is the process's."""
    multiply_in_bfloat16()
    return model
