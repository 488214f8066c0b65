"""The command that repeats a run, for somebody in another checkout whose environment sets no parameter."""

from pinbench.contract.case import Case
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.rule import value_text
from pinbench.harness.record.tunables import tunables


def repeat_command(case: Case, iterations: int) -> tuple[str, ...]:
    """Return the words of ctest.sh, whatever set the parameters then: environment, ``--config`` or ``--set``."""
    values = tunables(case)
    overrides = [word for name in case.overrides for word in ("--set", f"{name}={value_text(values.get(name))}")]
    runs = ["--run", str(iterations)] if iterations > 1 else []
    return ("./ctest.sh", "-R", f"^{TEST_PREFIX}{case.name}$", *overrides, *runs, "-V")
