"""What the instances left behind: one result each, whatever happened."""

from collections.abc import Iterable

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.result import InstanceResult, Status
from pinbench.harness.launch.crew import Member
from pinbench.harness.launch.failure import Fault, instance_name


def read_result(member: Member) -> InstanceResult:
    """Return the ``result.json`` of `member`.

    Raises:
        RecordError: it is absent, broken, or another instance's.
    """
    path = member.directory / "result.json"
    result = from_jsonable(InstanceResult, read_json(path), "result")
    if result.index != member.instance.index:
        raise RecordError(f"{path} is of instance {result.index}")
    return result


def read_results(members: Iterable[Member]) -> tuple[tuple[InstanceResult, ...], Fault | None]:
    """Return the results of `members`, all of which ended well, or the fault of the first that left none."""
    results = []
    for member in members:
        try:
            results.append(read_result(member))
        except RecordError as error:
            name = instance_name(member.instance)
            message = f"{name} left no usable result: {error}; log: {member.stderr_log}"
            return (), Fault(message=message, culprits=(member.instance.index,))
    return tuple(results), None


def results_after(fault: Fault, members: Iterable[Member]) -> tuple[InstanceResult, ...]:
    """Return a result for each of the ended `members` of a launch that failed with `fault`."""
    return tuple(_result_after(fault, member) for member in members)


def _result_after(fault: Fault, member: Member) -> InstanceResult:
    index, code = member.instance.index, member.returncode
    if index not in fault.culprits:
        try:
            return read_result(member)
        except RecordError:
            pass  # it was stopped before it had written one
    return InstanceResult(
        index=index,
        status=Status.FAILED,
        error=fault.message if index in fault.culprits else "stopped, because the run had failed",
        pid=member.child.pid,
        exit_signal=-code if code is not None and code < 0 else None,
    )
