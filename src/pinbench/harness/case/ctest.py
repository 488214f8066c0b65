"""The ctest entries of a workload, as CMake code that its CMakeLists.txt includes."""

from pathlib import Path

from pinbench.base.errors import ExitCode
from pinbench.contract.case import Case, Variant
from pinbench.harness.case.catalog import cases, excluded
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.workload import Workload

_FULL = "full"  # the label of a case without a CASE_TYPE


def cmake_text(workload: Workload, platform: Platform, *, program: Path, build: Path) -> str:
    """Return one ``add_test`` for each case, and the counts that the configure step reports.

    Args:
        workload: whose cases.
        platform: for which they are declared; the entries name it again as the user did.
        program: the door that runs a case.
        build: the workload's build directory, where the log directories go.
    """
    declared, left_out = cases(workload, platform), excluded(workload, platform)
    lines = ["# generated from workload.yaml, parameters.yaml and platforms.yaml"]
    for case in declared:
        lines += _entry(workload, case, platform, program=program, build=build)
    note = "" if declared else _note(workload, left_out)
    lines += [
        f"set(PINBENCH_CASE_COUNT {len(declared)})",
        f"set(PINBENCH_EXCLUDED_COUNT {len(left_out)})",
        f"set(PINBENCH_CASE_NOTE {cmake_quote(note)})",
    ]
    return "\n".join(lines) + "\n"


def cmake_quote(text: str) -> str:
    """Return `text` as a quoted argument of CMake that means exactly `text`: cmake-language(7), Quoted Argument."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def labels(case: Case) -> tuple[str, ...]:
    """Return the ctest labels of `case`: its workload and its value in each dimension."""
    variant = _FULL if case.variant is Variant.FULL else case.variant.value
    return (case.workload, case.function.value, case.mode.value, case.label, variant)


def _entry(workload: Workload, case: Case, platform: Platform, *, program: Path, build: Path) -> list[str]:
    command = [str(program), "run", "--workload", str(workload.folder), "--case", case.name]
    command += ["--platform", platform.spelling, "--logs-root", str(build)]
    command += ["--end-with-parent"]  # ctest hands no signal on: killed alone, it would leave the run behind
    name = cmake_quote(TEST_PREFIX + case.name)
    return [
        f"add_test(NAME {name} COMMAND {' '.join(map(cmake_quote, command))})",
        # RUN_SERIAL: two cases at once would measure each other. TIMEOUT 0: the launcher has its own deadline.
        f"set_tests_properties({name} PROPERTIES LABELS {cmake_quote(';'.join(labels(case)))} RUN_SERIAL TRUE "
        f"SKIP_RETURN_CODE {int(ExitCode.SKIPPED)} TIMEOUT 0)",
    ]


def _note(workload: Workload, left_out: tuple[tuple[str, str], ...]) -> str:
    reasons = list(dict.fromkeys(reason for _, reason in left_out))
    return f"{workload.name} has no case here: {'; '.join(reasons)}"
