"""Single precision throughout."""

import torch
from torch import nn

from pinbench.worker.onednn.calibration import Calibration

TABLE_DTYPE = torch.float32
ACTIVATION_DTYPE = torch.float32  # of what enters the model
IS_CALIBRATED = False
MULTIPLY_DTYPE = torch.float32

# Largest difference of a logit to fp32 eager. Both round the same sums in another order; a dot product of 1,024
# terms in fp32 (unit roundoff 6e-8) is off by some 1e-6 of its terms' size, and the logit of a probability
# near 1 magnifies its last bit.
LOGIT_TOLERANCE = 1e-4
# The same as a share of the standard deviation of the logits, for models with many: 24 layers round in another order.
SPREAD_TOLERANCE = 1e-3


def apply(model: nn.Module, _: Calibration | None) -> nn.Module:
    """Return `model` as it is."""
    return model
