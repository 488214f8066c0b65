"""Which image runs a case, and what of the host it must be given."""

from collections.abc import Iterator
from dataclasses import dataclass

from pinbench.base.errors import UsageError
from pinbench.contract.case import Case
from pinbench.harness.case.catalog import case_choices, case_values
from pinbench.harness.case.parameter import Kind
from pinbench.harness.case.rule import holds
from pinbench.harness.case.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPath:
    """A file or folder of the host that a parameter of the case names."""

    path: str
    written: bool


def image_name(workload: Workload, case: Case) -> str:
    """Return the name of the image that runs `case`, without registry and tag: the first of `images:` that fits.

    A workload that declares none has one image, of its folder's name.

    Raises:
        UsageError: images are declared, and none is for this case.
    """
    if not workload.images:
        return workload.name.lower()
    choices = case_choices(case)
    for image in workload.images:
        if holds(image.when, choices):
            return image.name
    raise UsageError(f"{workload.folder}/workload.yaml: images: none is for {case.name}")


def host_paths(workload: Workload, case: Case) -> Iterator[HostPath]:
    """Yield what the parameters of `case` name on the host."""
    for name, value in case_values(workload, case).items():
        parameter = workload.parameters[name]
        if parameter.kind is Kind.PATH and isinstance(value, str) and value:
            yield HostPath(path=value, written=parameter.written)
