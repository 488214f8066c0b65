"""Half precision products and activations; tables and masters of the weights stay in fp32, the last layer too.

For accelerators, whose products add up in fp32; no CPU label names it.
"""

import torch
from torch import nn

from pinbench.base.errors import HostError
from pinbench.worker.onednn.calibration import Calibration

TABLE_DTYPE = torch.float32
ACTIVATION_DTYPE = torch.float16  # of what enters the model
IS_CALIBRATED = False
MULTIPLY_DTYPE = torch.float16

# Largest difference of a logit to fp32 eager. fp16 rounds to 11 bits (unit roundoff 2**-11, 0.05 %), an eighth of what
# bfloat16 loses, at each of the eight layers and the interaction.
LOGIT_TOLERANCE = 0.02


def apply(_: nn.Module, __: Calibration | None) -> nn.Module:
    """Refuse: the engines of CPUs have no use for fp16.

    Raises:
        HostError: always; the trainers compute in fp16 themselves.
    """
    raise HostError("fp16 is computed on accelerators and by their workloads; choose a case in bfloat16 or fp32")
