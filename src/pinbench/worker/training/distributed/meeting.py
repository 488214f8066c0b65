"""Where the ranks of a training meet, as torchrun tells it to the processes that it starts.

The names are those of torch.distributed.run (its documentation, "Environment Variables"); `pinbench` sets the same ones
for the ranks that it starts itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pinbench.base.errors import UsageError

_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """The place, and who this process is there."""

    address: str
    port: int
    rank: int
    ranks: int
    is_hosted: bool = False  # torchrun's agent keeps the store; otherwise rank 0 does
    attempt: int = 0  # of torchrun, which starts all again after a failure if it was told to


def read_meeting(environment: Mapping[str, str]) -> Meeting:
    """Return what `environment` says.

    Raises:
        UsageError: names the variable that is absent or wrong.
    """
    ranks = _number(environment, "WORLD_SIZE", 1)
    rank = _number(environment, "RANK", 0)
    if rank >= ranks:
        raise UsageError(f"RANK={rank} is not below WORLD_SIZE={ranks}; ranks count from 0")
    port = _number(environment, "MASTER_PORT", 1)
    if port > _MAX_PORT:
        raise UsageError(f"MASTER_PORT={port} is no port; it is {_MAX_PORT} at the most")
    return Meeting(
        address=_text(environment, "MASTER_ADDR"),
        port=port,
        rank=rank,
        ranks=ranks,
        is_hosted=environment.get("TORCHELASTIC_USE_AGENT_STORE") == str(True),
        attempt=_number({"TORCHELASTIC_RESTART_COUNT": "0"} | dict(environment), "TORCHELASTIC_RESTART_COUNT", 0),
    )


def _text(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise UsageError(
            f"{name} is not set: a rank of a distributed training is started by pinbench with DISTRIBUTED=True, alone "
            "or under torchrun"
        )
    return environment[name]


def _number(environment: Mapping[str, str], name: str, least: int) -> int:
    text = _text(environment, name)
    if not text.isdecimal() or int(text) < least:
        raise UsageError(f"{name}={text!r} is not a whole number of {least} or more")
    return int(text)
