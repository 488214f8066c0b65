"""A process whose root, too, needs permissions: for `preexec_fn` of tests that a container runs as root."""

import ctypes

_PR_CAPBSET_DROP = 24  # linux/prctl.h
_OVERRIDES = (1, 2)  # linux/capability.h: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def obey_permissions():
    """Let the program that this process is about to become be refused what the mode of a file forbids."""
    libc = ctypes.CDLL(None)
    for capability in _OVERRIDES:
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # without effect for others than root, who have none
