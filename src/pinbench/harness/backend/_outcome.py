"""What comes of a launch, wherever the instances ran."""

from dataclasses import dataclass

from pinbench.base.errors import ExitCode
from pinbench.contract.host import HostLoad
from pinbench.contract.result import ContainerFacts, InstanceResult, Record, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a launch: results, or the reason why there are none or not all."""

    status: Status
    failure: str | None
    exit_code: ExitCode
    results: tuple[InstanceResult, ...]
    load: HostLoad | None
    elapsed_s: float
    inside: Record | None = None  # what the container itself recorded: its plan, host and software
    container: ContainerFacts | None = None
