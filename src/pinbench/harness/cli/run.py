"""``pinbench run``: one case, from its declaration to its KPIs."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pinbench.base.errors import ExitCode, LaunchError, PinbenchError, UsageError
from pinbench.contract.case import Case
from pinbench.contract.host import HostFacts
from pinbench.contract.plan import Plan
from pinbench.contract.result import SCHEMA_VERSION, Record, Software, Status
from pinbench.harness.backend import docker, kubernetes
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.choice import chosen_name
from pinbench.harness.case.override import customise
from pinbench.harness.case.platforms import Platform, load_platforms
from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.case.workload import Workload, load_workload
from pinbench.harness.cli._build_folder import BuildSettings, read_settings
from pinbench.harness.cli._run_backend import dry_lines, orders_for, run_backend
from pinbench.harness.cli._run_call import RunCall, read_call, with_notes
from pinbench.harness.host.allocator import find_allocator
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.interface import interface_to
from pinbench.harness.host.isa import require
from pinbench.harness.host.load import read_load_counters
from pinbench.harness.host.topology import read_topology
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block
from pinbench.harness.launch.process import end_with_parent, run_tool
from pinbench.harness.plan.planner import make_plan
from pinbench.harness.plan.ranks import INTERFACES, Hosts, is_distributed, read_hosts
from pinbench.harness.record.discover import RECORD
from pinbench.harness.record.repeat import repeat_command
from pinbench.harness.record.software import read_software, with_engines
from pinbench.harness.record.store import IterationDirectory, LogDirectory, open_log_directory
from pinbench.harness.record.workload_config import Settings
from pinbench.harness.report.curve import write_curve
from pinbench.harness.report.judged import judged, keep
from pinbench.harness.report.plan import plan_lines

HELP = "run one case and print its KPIs (ctest calls this)"

_BILL = "sbom.cdx.json"  # what is inside an image, at the top of the suite in it
_REVISION = "PINBENCH_REVISION"
_GIT_LIMIT_S = 10.0
_BUILD_SETTINGS = (
    "backend", "registry", "release", "timeout", "benchmark", "container_engine", "docker_options",
    "kubernetes_options",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the command line and the environment ask for, in types."""

    workload: Workload
    case: Case
    platform: Platform
    facts: HostFacts
    build: BuildSettings | None  # None: not started from a build folder
    logs_root: Path
    iterations: int
    is_dry: bool
    container: docker.Orders | kubernetes.Orders | None  # None: native
    reserves: bool  # whether it keeps other runs off its cores itself
    call: RunCall


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--workload", type=Path, required=True, metavar="DIR", help="folder of the workload")
    parser.add_argument(
        "--case",
        metavar="NAME",
        help="name of the case, as ctest -N lists it; default: what MODE, PRECISION, ... choose",
    )
    parser.add_argument("--platform", default="", metavar="NAME", help="platform or alias; default: this host's own")
    parser.add_argument("--logs-root", type=Path, default=Path(), metavar="DIR", help="gets logs-<case>; default: here")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", help="override a parameter, repeatable")
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML with overrides by test name")
    parser.add_argument("--run", type=int, default=None, metavar="N", help="iterations, itr-1 to itr-N; default: 1")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and start nothing")
    parser.add_argument("--time-limit", type=float, metavar="S", help="the most that the parameter TIMEOUT may be")
    parser.add_argument("--reserved", action="store_true", help="the caller keeps other runs off these cores")
    parser.add_argument("--end-with-parent", action="store_true", help="end as by SIGTERM when the caller has died")


def run(arguments: Namespace) -> int:
    """Run the case; the exit code is that of the worst iteration."""
    return run_case(arguments)[0]


def run_case(arguments: Namespace) -> tuple[int, Path | None]:
    """Run the case; return the exit code, that of the worst iteration, and the log directory (None: a dry run)."""
    if arguments.end_with_parent:
        end_with_parent()
    call = read_call(os.environ)
    try:
        order = _read_order(arguments, os.environ, call)
        code, logs = _run_order(order)
    except PinbenchError as error:
        if arguments.case:
            call.note_end(arguments.case, error.exit_code, None)
        raise
    if not order.is_dry:
        call.note_end(order.case.name, code, logs)
    return code, logs


def _run_order(order: _Order) -> tuple[int, Path | None]:
    plan = None
    if not isinstance(order.container, kubernetes.Orders):  # a pod's node is not this host: it looks for itself
        require(order.case, order.facts)
        plan = _make_plan(order)
        _print_lines(plan_lines(plan))
    if order.is_dry:
        if order.container is not None:
            print(dry_lines(order.case, plan, order.container), end="")
        print("dry run: nothing was started")
        # To ctest, what was not run has not passed.
        return ExitCode.SKIPPED if os.environ.get("PINBENCH_DRY_RUN") else ExitCode.PASSED, None
    commit, branch, changed_files = _git_state(os.environ)
    software = read_software(f"{commit}+" if commit and changed_files else commit)
    command = repeat_command(order.case, order.iterations)
    now, label = datetime.now(UTC).astimezone(), order.call.label
    with open_log_directory(order.logs_root, order.case.name, now, label) as logs:
        if logs.notice is not None:
            print(logs.notice)
        logs.write_configuration(
            order.case,
            replace(_settings(order, command), git_commit=software.git_commit, git_branch=branch),
            kpi_script=order.workload.folder / "kpi.sh",
            changed_files=changed_files,
        )
        logs.keep(SOURCE_ROOT / _BILL)
        order.call.attach(logs.path)
        numbers = range(1, order.iterations + 1)
        code = max(_run_iteration(order, plan, logs, number, command, software) for number in numbers)
        return code, logs.path


def _read_order(arguments: Namespace, environment: Mapping[str, str], call: RunCall) -> _Order:
    workload = load_workload(arguments.workload)
    facts = read_facts()
    platform = load_platforms().choose(arguments.platform, facts)
    own = load_platforms().identify(facts)
    config = arguments.config or (Path(environment["PINBENCH_CONFIG"]) if environment.get("PINBENCH_CONFIG") else None)
    case = customise(
        workload,
        find_case(workload, arguments.case or chosen_name(workload, environment), platform),
        environment=environment,
        config=config,
        assignments=[*json.loads(environment.get("PINBENCH_SET", "[]")), *arguments.set],
        directory=Path(environment.get("PINBENCH_FOLDER") or Path.cwd()),
    )
    logs_root = arguments.logs_root.absolute()
    build = next(iter(read_settings(logs_root)), None)
    case = _with_time_limit(case, arguments.time_limit or (float(build.timeout.partition(",")[0]) if build else None))
    return _Order(
        workload=workload,
        case=case,
        container=orders_for(workload, case, platform, build, environment),
        reserves=not arguments.reserved,
        build=build,
        platform=platform,
        facts=replace(facts, platform=own.name),
        logs_root=logs_root,
        iterations=_iterations(arguments.run, environment.get("PINBENCH_RUN", "")),
        is_dry=arguments.dry_run or bool(environment.get("PINBENCH_DRY_RUN")),
        call=call,
    )


def _with_time_limit(case: Case, limit_s: float | None) -> Case:
    """Return `case` with `limit_s`, commonly CMake's TIMEOUT, as the most that its deadline may be.

    A deadline that the user gave for this run stands.
    """
    if limit_s is None or "TIMEOUT" in case.overrides:
        return case
    return replace(case, knobs=replace(case.knobs, deadline_s=min(case.knobs.deadline_s, limit_s)))


def _iterations(asked: int | None, from_environment: str) -> int:
    text = str(asked) if asked is not None else from_environment or "1"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--run must be a whole number of at least 1, got {text!r}")
    return int(text)


def _make_plan(order: _Order) -> Plan:
    name = order.case.knobs.allocator
    # An image has its own; the container makes its plan with that one.
    allocator = Path(name) if name and order.container else find_allocator(name, order.facts.architecture)
    load_1m = read_load_counters().load_1m
    topology, notes = order.call.part_of(read_topology())
    plan = make_plan(
        order.case, topology, order.facts, allocator=allocator, load_1m=load_1m, hosts=_hosts(order, os.environ)
    )
    return with_notes(plan, notes)


def _hosts(order: _Order, environment: Mapping[str, str]) -> Hosts:
    if not is_distributed(order.case):
        return Hosts()
    hosts = read_hosts(environment)
    is_told = hosts.interface is not None or any(name in environment for name in INTERFACES.values())
    return hosts if is_told else replace(hosts, interface=interface_to(hosts.address))


def _run_iteration(
    order: _Order, plan: Plan | None, logs: LogDirectory, number: int, command: tuple[str, ...], software: Software
) -> ExitCode:
    iteration = logs.start_iteration(number)
    if plan is not None:
        iteration.write_plan(plan)
    started_at = datetime.now(UTC)
    draft = Record(
        schema=SCHEMA_VERSION,
        status=Status.FAILED,
        failure="interrupted",
        command=command,
        started_at=started_at.isoformat(timespec="milliseconds"),
        elapsed_s=0.0,
        plan=plan,
        host=order.facts,
        load=None,
        software=software,
        results=(),
    )
    try:
        outcome = run_backend(
            order.case,
            plan,
            iteration,
            order.container,
            reserve=order.reserves,
            say=lambda line: _say(iteration, line),
        )
    except KeyboardInterrupt as interrupt:
        elapsed_s = (datetime.now(UTC) - started_at).total_seconds()
        _finish(iteration, replace(draft, failure=f"interrupted {interrupt}".strip(), elapsed_s=elapsed_s))
        raise
    if (inside := outcome.inside) is not None:  # what really ran, in the container's own words
        draft = replace(draft, plan=inside.plan, host=inside.host)
        software = inside.software
        if inside.plan is not None:
            iteration.write_plan(inside.plan)
    record = replace(
        draft,
        container=outcome.container,
        status=outcome.status,
        failure=outcome.failure,
        elapsed_s=outcome.elapsed_s,
        load=outcome.load,
        software=with_engines(software, outcome.results),
        results=outcome.results,
    )
    status = _finish(iteration, record)
    if outcome.status is Status.PASSED:
        return ExitCode.PASSED if status is Status.PASSED else ExitCode.FAILED
    return outcome.exit_code


def _finish(iteration: IterationDirectory, record: Record) -> Status:
    record, block = conclude(record)
    text = format_block(block)
    iteration.finish(record, text)
    keep(iteration.path, (iteration.path / RECORD).read_bytes(), judged(record, block))
    print(text, end="")
    if (missing := write_curve(record, iteration.path)) is not None:
        print(missing)
    print(f"Workload Logs: {iteration.path}", flush=True)
    return record.status


def _say(iteration: IterationDirectory, line: str) -> None:
    stamped = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {line}"
    iteration.log(stamped)
    try:
        print(stamped, flush=True)
    except BrokenPipeError:
        # Whoever started us has died; the run is being ended, and what there is of it must still be recorded.
        # docs.python.org/3/library/signal.html, "Note on SIGPIPE": the rest of what is printed goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_lines(lines: tuple[str, ...]) -> None:
    for line in lines:
        print(line)
    print(end="", flush=True)


def _settings(order: _Order, command: tuple[str, ...]) -> Settings:
    user_command = json.loads(os.environ.get("PINBENCH_COMMAND", "[]"))
    build = order.build
    known = {} if build is None else {name: getattr(build, name) for name in _BUILD_SETTINGS}
    return Settings(
        **known,
        docker_image="" if order.container is None else order.container.image,
        command=tuple(user_command) or command,
        options=_ctest_options(os.environ),
        platform=order.platform.display,
        platform_option=order.platform.spelling,
        architecture=order.platform.architecture,
        path=_from_top(order.workload.folder),
        title=order.workload.title,
        category=order.workload.category,
    )


def _ctest_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the options of ctest.sh that it handed over, as its user may write them."""
    settings = json.loads(environment.get("PINBENCH_SET", "[]"))
    config, runs = environment.get("PINBENCH_CONFIG"), environment.get("PINBENCH_RUN")
    return (
        *(word for setting in settings for word in ("--set", setting)),
        *(("--config", config) if config else ()),
        *(("--run", runs) if runs else ()),
    )


def _from_top(folder: Path) -> str:
    return str(folder.relative_to(SOURCE_ROOT) if folder.is_relative_to(SOURCE_ROOT) else folder)


def _git_state(environment: Mapping[str, str]) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return commit and branch of the suite, None where there is none, and the files that differ from the commit.

    An image has no history, but says in its environment which commit it was made from.
    """
    of_image = environment.get(_REVISION) or None
    git = ["git", "-C", str(SOURCE_ROOT)]
    try:
        head = run_tool([*git, "rev-parse", "HEAD"], timeout_s=_GIT_LIMIT_S)
        branch = run_tool([*git, "branch", "--show-current"], timeout_s=_GIT_LIMIT_S)
        status = run_tool([*git, "status", "--porcelain"], timeout_s=_GIT_LIMIT_S)
    except LaunchError:
        return of_image, None, ()  # git is needed to get pinbench, not to run it
    if head.returncode != 0:
        return of_image, None, ()
    return head.stdout.strip(), branch.stdout.strip() or None, tuple(line[3:] for line in status.stdout.splitlines())
