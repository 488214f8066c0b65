"""``pinbench mlperf package``: the runs of a submission as MLPerf wants them, with their system's description."""

import tempfile
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from pinbench.base.errors import ExitCode, RecordError, UsageError
from pinbench.base.jsonio import write_json
from pinbench.contract.mlperf import BENCHMARKS, Division
from pinbench.harness.cli._mlperf_check import is_good, target_quality
from pinbench.harness.host.caches import read_caches, read_max_frequency
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.topology import read_topology
from pinbench.harness.mlperf.checkers import check_package, check_system, require_checkers
from pinbench.harness.mlperf.package import assemble
from pinbench.harness.mlperf.runs import Run, find_runs, require_submission
from pinbench.harness.mlperf.system import Machine, description, read_given, unknown
from pinbench.harness.record.software import read_software

HELP = "put the runs of a submission together, with their system's description, and have the package checked"

_AUTO = "auto"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="a log directory, an iteration of one, or a log")
    add(
        "--system", required=True, metavar="FILE",
        help="YAML or JSON with fields of MLPerf's system description that the host does not tell; "
        f"{_AUTO}: leave those empty",
    )  # fmt: skip
    add("--output", required=True, type=Path, metavar="DIR", help="the package; it must not be there yet")
    add("--target", metavar="X", help="the quality that each run must reach; default: that of the benchmark's rules")


def run(arguments: Namespace) -> int:
    """Check every run, then the description, then the package; print a line of each."""
    target = None if arguments.target is None else target_quality(arguments.target)
    given = {} if arguments.system == _AUTO else read_given(Path(arguments.system))
    require_checkers()
    runs = find_runs(arguments.runs)
    require_submission(runs)
    benchmark = runs[0].log.benchmark
    if benchmark == "dlrm" and runs[0].log.division is Division.CLOSED:
        # Its table of reference convergence points lacks dlrm, which ends it with a KeyError (mlperf-logging 4.1.68).
        raise UsageError("package_checker cannot judge a closed package of dlrm; set MLPERF_DIVISION=open")
    # All of them: package_checker itself lets one bad run in five pass.
    verdicts = [is_good(run.log, BENCHMARKS[benchmark].ruleset, target) for run in runs]
    if not all(verdicts):
        raise RecordError(f"{verdicts.count(False)} of {len(runs)} runs cannot be submitted; no package was made")
    described = description(runs[0].log, _machine(runs[0]), given)
    _require_description(described, BENCHMARKS[benchmark].ruleset)
    assemble(arguments.output, runs, described, partial(check_package, benchmark=benchmark))
    if empty := unknown(described):
        print(f"not known here and left empty, to be given with --system FILE: {', '.join(empty)}")
    print(f"{arguments.output}: package_checker finds no errors ({benchmark}, {len(runs)} runs)")
    return ExitCode.PASSED


def _machine(run: Run) -> Machine:
    """Return what the run's record says of its machine; a log without one is taken to be of this machine."""
    record = run.record
    if record is None or record.plan is None:
        software = read_software(None)
        return Machine(
            facts=read_facts(), topology=read_topology(), caches=read_caches(), frequency=read_max_frequency(),
            packages=software.packages,
        )  # fmt: skip
    here = read_facts().cpu_model == record.host.cpu_model  # a record does not keep caches and frequency
    return Machine(
        facts=record.host,
        topology=record.plan.topology,
        caches=read_caches() if here else None,
        frequency=read_max_frequency() if here else None,
        packages=record.software.packages,
    )


def _require_description(described: dict[str, str], ruleset: str) -> None:
    with tempfile.TemporaryDirectory(prefix="pinbench-mlperf-") as folder:
        path = Path(folder) / "system.json"
        write_json(path, described)
        answer = check_system(path, ruleset)
    if not answer.passed:
        raise RecordError(f"system_desc_checker refuses the description of the system:\n{answer.text}")
