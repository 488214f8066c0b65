"""The words of a comparison, which `compare` and `list-kpi` share, and what it means for an exit code."""

from argparse import Namespace, _ActionsContainer

from pinbench.base.errors import ExitCode, UsageError
from pinbench.base.units import PERCENT
from pinbench.harness.report.compare import Comparison, Demand, Verdict

_FAILING = {
    "worse": {Verdict.WORSE},
    "undecided": {Verdict.WORSE, Verdict.UNDECIDED},
    "different": {Verdict.WORSE, Verdict.BETTER},
    "never": set[Verdict](),
}


def configure(parser: _ActionsContainer) -> None:
    """Declare the arguments."""
    parser.add_argument("--threshold", default="1%", metavar="N%", help="the least difference that counts [1%%]")
    parser.add_argument("--confidence", default="98%", metavar="N%", help="of interval and test [98%%]")
    parser.add_argument("--kpi", action="append", default=[], metavar="NAME", help="instead of the key KPI; repeatable")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="a parameter that may differ, or HOST, or PRECISION; repeatable",
    )
    parser.add_argument(
        "--fail-on",
        choices=_FAILING,
        default="worse",
        help="what ends with 1: worse; undecided: that too; different: worse or better; default: %(default)s",
    )


def demand(arguments: Namespace, *, all_kpis: bool = False) -> Demand:
    """Return what the arguments demand.

    Raises:
        UsageError: a share is none.
    """
    return Demand(
        threshold=_share("--threshold", arguments.threshold),
        confidence=_share("--confidence", arguments.confidence),
        allowed=frozenset(arguments.allow),
        all_kpis=all_kpis,
        kpis=tuple(arguments.kpi),
    )


def exit_code(comparison: Comparison, fail_on: str) -> ExitCode:
    """Return 1 where a line is of those that `fail_on` names, or a case of the base has no number any more."""
    failing = any(line.verdict in _FAILING[fail_on] for line in comparison.lines)
    return ExitCode.FAILED if failing or (comparison.failed and fail_on != "never") else ExitCode.PASSED


def _share(option: str, given: str) -> float:
    try:
        share = float(given.removesuffix("%")) / PERCENT
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise UsageError(f"{option} must be a percentage from 0 to below 100, such as 2%, got {given!r}")
    return share
