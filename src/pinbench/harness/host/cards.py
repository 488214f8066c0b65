"""Which accelerator cards the host has, by the device files that their drivers make."""

from pathlib import Path

# NVIDIA's driver: /dev/nvidia0 (nvidia-modprobe); Ascend's: /dev/davinci0 (torch_npu's containers are given it)
_FILES = ("davinci[0-9]*", "nvidia[0-9]*")


def has_card(devices: Path = Path("/dev")) -> bool:
    """Return whether a driver shows a card; whether it computes is known when it is used."""
    return any(next(devices.glob(pattern), None) is not None for pattern in _FILES)
