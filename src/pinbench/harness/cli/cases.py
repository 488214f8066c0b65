"""``pinbench cases``: lists what can be run, for people and for CMake."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pinbench.base.errors import ExitCode, UsageError
from pinbench.base.jsonio import to_jsonable
from pinbench.harness.case.catalog import case_values, cases, excluded
from pinbench.harness.case.ctest import cmake_text, labels
from pinbench.harness.case.describe import describe_markdown, describe_text
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.platforms import Platform, load_platforms
from pinbench.harness.case.source import SOURCE_ROOT, workload_folders
from pinbench.harness.case.workload import Workload, load_workload
from pinbench.harness.host.facts import read_facts

HELP = "list cases, exclusions and parameters, or write the ctest entries for CMake"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--workload", action="append", type=Path, metavar="DIR", help="folder of a workload, repeatable; default: all"
    )
    parser.add_argument("--platform", default="", metavar="NAME", help="platform or alias; default: this host's own")
    parser.add_argument("--format", default="list", choices=sorted(_FORMATS), help="default: list")
    parser.add_argument("--build", type=Path, metavar="DIR", help="for cmake: the workload's build directory")


def run(arguments: Namespace) -> int:
    """Print the listing that `--format` names."""
    print(_FORMATS[arguments.format](arguments), end="")
    return ExitCode.PASSED


def _workloads(arguments: Namespace) -> Iterable[Workload]:
    return (load_workload(folder) for folder in arguments.workload or workload_folders())


def _platform(arguments: Namespace) -> Platform:
    return load_platforms().choose(arguments.platform, read_facts())


def _list(arguments: Namespace) -> str:
    platform = _platform(arguments)
    names = [TEST_PREFIX + case.name for workload in _workloads(arguments) for case in cases(workload, platform)]
    return "".join(f"{name}\n" for name in names)


def _excluded(arguments: Namespace) -> str:
    platform = _platform(arguments)
    pairs = [pair for workload in _workloads(arguments) for pair in excluded(workload, platform)]
    return "".join(f"{TEST_PREFIX}{name}: {reason}\n" for name, reason in pairs)


def _describe(arguments: Namespace) -> str:
    return "\n".join(describe_text(workload) for workload in _workloads(arguments))


def _markdown(arguments: Namespace) -> str:
    return "\n".join(describe_markdown(workload) for workload in _workloads(arguments))


def _show_platform(arguments: Namespace) -> str:
    return f"{_platform(arguments).display}\n"


def _cmake(arguments: Namespace) -> str:
    workloads = list(_workloads(arguments))
    if len(workloads) != 1 or arguments.build is None:
        raise UsageError("--format cmake needs one --workload DIR and --build DIR")
    program = SOURCE_ROOT / "script" / "pinbench"
    return cmake_text(workloads[0], _platform(arguments), program=program, build=arguments.build.absolute())


def _json(arguments: Namespace) -> str:
    platform = _platform(arguments)
    workloads = [_listing(workload, platform) for workload in _workloads(arguments)]
    return json.dumps(to_jsonable({"platform": platform.display, "workloads": workloads}), indent=1) + "\n"


def _listing(workload: Workload, platform: Platform) -> dict[str, Any]:
    return {
        "name": workload.name,
        "title": workload.title,
        "category": workload.category,
        "keywords": workload.keywords,
        "cases": [
            {
                "name": case.name,
                "test": TEST_PREFIX + case.name,
                "labels": labels(case),
                "parameters": case_values(workload, case),
            }
            for case in cases(workload, platform)
        ],
        "excluded": [{"name": name, "reason": reason} for name, reason in excluded(workload, platform)],
    }


_FORMATS: dict[str, Callable[[Namespace], str]] = {
    "list": _list,
    "excluded": _excluded,
    "describe": _describe,
    "markdown": _markdown,
    "platform": _show_platform,
    "cmake": _cmake,
    "json": _json,
}
