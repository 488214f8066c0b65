"""A plan for a reader: what will run where, before it does."""

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.units import format_bytes
from pinbench.contract.case import Case, Mode
from pinbench.contract.plan import Instance, Plan, WeightSource

_WEIGHTS = {
    WeightSource.PRIVATE: "own weights",
    WeightSource.BUILD: "fills the shared weights",
    WeightSource.MAP: "maps the shared weights",
}


def plan_lines(plan: Plan) -> tuple[str, ...]:
    """Return the case, a line for each instance, and what the planner noted."""
    knobs = plan.case.knobs
    changed = f" (changed: {', '.join(plan.case.overrides)})" if plan.case.overrides else ""
    return (
        f"Testcase: test_{plan.case.display_name}{changed}",
        f"Plan: {len(plan.instances)} instance(s), batch size {knobs.batch_size}, {knobs.warmup_steps} warm-up steps, "
        f"{_extent(plan.case)}, deadline {plan.deadline_s:g} s",
        *(_instance_line(instance) for instance in plan.instances),
        *(f"Note: {note}" for note in plan.notes),
    )


def _extent(case: Case) -> str:
    """Return how much is measured."""
    if case.mode is Mode.ACCURACY:
        return "each labelled row once" if case.knobs.steps is None else f"the rows of {case.knobs.steps} steps once"
    return f"at least {case.knobs.steps} steps and {case.knobs.min_duration_s:g} s"


def _instance_line(instance: Instance) -> str:
    nodes = format_cpu_list(instance.memory_nodes)
    return (
        f"  instance {instance.index}: cpus {format_cpu_list(instance.cpus)}, node {nodes}, "
        f"{_WEIGHTS[instance.weights]}, at most {format_bytes(instance.weight_budget_bytes)} with batches"
    )
