"""A training package as MLPerf wants it: systems/, results/ and benchmarks/, checked before it gets its name."""

import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import write_json, write_text
from pinbench.harness.mlperf.checkers import Answer
from pinbench.harness.mlperf.runs import Run

Check = Callable[[Path], Answer]


def assemble(output: Path, runs: Sequence[Run], described: Mapping[str, str], check: Check) -> None:
    """Put the package together beside `output`, have it checked, and give it its name only when it is good.

    Args:
        output: the package; it must not be there yet.
        runs: of one submission.
        described: the fields of the system description.
        check: package_checker.

    Raises:
        RecordError: `output` is there already or cannot be written, or the check fails.
    """
    if output.exists():
        raise RecordError(f"{output} is there already, and earlier results are never overwritten; choose another one")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as folder:
            package = Path(folder) / "package"
            _write(package, runs, described)
            answer = check(package)
            if not answer.passed:
                raise RecordError(
                    f"package_checker refuses the package, nothing was written to {output}:\n{answer.text}"
                )
            package.rename(output)
    except OSError as error:
        raise RecordError(f"cannot write {output}: {error.strerror}") from error


def _write(package: Path, runs: Sequence[Run], described: Mapping[str, str]) -> None:
    benchmark = runs[0].log.benchmark
    system = _file_name(described["system_name"])
    systems, results, sources = (
        package / "systems", package / "results" / system / benchmark, package / "benchmarks" / benchmark,
    )  # fmt: skip
    for folder in (systems, results, sources):
        folder.mkdir(parents=True)
    write_json(systems / f"{system}.json", described)
    for number, run in enumerate(runs):
        shutil.copyfile(run.log.path, results / f"result_{number}.txt")
    write_text(sources / "README.md", _how_it_ran(benchmark, runs))


def _how_it_ran(benchmark: str, runs: Sequence[Run]) -> str:
    lines = [
        f"# {benchmark}",
        "",
        "Trained by pinbench; the source, and how to get the data set, are of its repository.",
        "",
    ]
    for number, run in enumerate(runs):
        lines += [f"## result_{number}.txt", "", f"Seed {run.log.said('seed')}.", ""]
        if run.record is not None:
            commit = run.record.software.git_commit or f"version {run.record.software.pinbench}"
            lines += [f"Commit {commit}, started at {run.record.started_at}:", "", "```sh"]
            lines += [shlex.join(run.record.command), "```", ""]
    return "\n".join(lines)


def _file_name(system: str) -> str:
    """Return `system` as the name of a file and folder: of letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", system).strip("._") or "system"
