"""Writes the parts of the documents that the code knows better: ``generate.py [--check]``.

Such a part stands between ``<!-- generated: WHAT -->`` and ``<!-- end of generated -->``. WHAT is a command
(``pinbench cases ...``), whose output it is, or the name of one of the tables below.
"""

import argparse
import ast
import contextlib
import importlib
import io
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pinbench.base.errors import ExitCode
from pinbench.harness.case.catalog import cases
from pinbench.harness.case.platforms import Platform, load_platforms
from pinbench.harness.case.source import workload_folders
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli import main as pinbench

ROOT = Path(__file__).resolve().parents[2]
_PART = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end of generated -->)", re.DOTALL)


def documents() -> list[Path]:
    """Return the documents that may have generated parts."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("doc/**/*.md"), *ROOT.glob("workload/**/*.md")])


def filled(text: str) -> str:
    """Return the document `text` with its generated parts written anew."""
    return _PART.sub(lambda match: f"{match[1]}\n{generated(match[2])}\n{match[3]}", text)


def generated(what: str) -> str:
    """Return the part that `what` names, with a line feed at its end.

    Raises:
        ValueError: there is no such part, or its command fails.
    """
    if what.startswith("pinbench "):
        text = _output(shlex.split(what)[1:])
        return text if "--format markdown" in what else f"```text\n{text}```\n"
    if what not in _TABLES:
        raise ValueError(f"no generated part is named {what!r}; there are: pinbench ..., {', '.join(_TABLES)}")
    return _TABLES[what]()


def _output(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(said):
        code = pinbench(words)
    if code != ExitCode.PASSED:
        raise ValueError(f"pinbench {shlex.join(words)} ended with {code}")
    return said.getvalue()


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _platforms() -> str:
    known = load_platforms()
    workloads = [load_workload(folder) for folder in workload_folders()]

    def row(platform: Platform) -> tuple[str, ...]:
        aliases = [alias for alias, name in known.aliases.items() if name == platform.name]
        title = platform.title + (f" (also: {', '.join(aliases)})" if aliases else "")
        if platform.generic:
            return f"`{platform.name}`", title, "as the host's flags allow", "as the host's flags allow"
        labels = [label for label in platform.needs if not platform.lacks(label)]
        count = sum(len(cases(workload, platform)) for workload in workloads)
        return f"`{platform.name}`", title, ", ".join(labels) or "none that has a name", str(count)

    return _table(("Platform", "CPU", "Can run", "Cases"), map(row, known.by_name.values()))


def _precisions() -> str:
    needs: Mapping[str, tuple[str, ...]] = next(iter(load_platforms().by_name.values())).needs
    rows = ((f"`{label}`", ", ".join(flag.replace("|", " or ") for flag in flags)) for label, flags in needs.items())
    return _table(("Precision", "CPU flags"), rows)


def _fields() -> str:
    """Return a section for each type that a record holds, in the order in which a reader meets them."""
    return "\n".join(
        _type(f"pinbench.contract.{module}", name)
        for module, names in {
            "result": (
                "Record", "InstanceResult", "Placement", "IsaReadback", "Kernel", "Quality", "Accuracy", "Comparison",
                "Answers", "ModelFacts", "DataFacts",
                "DataFlow", "MemoryUse", "Libraries", "EngineFacts", "DeviceFacts", "Software",
            ),
            "plan": ("Plan", "Instance"),
            "case": ("Case", "Knobs"),
            "host": ("Topology", "Cpu", "Node", "HostFacts", "HostLoad"),
        }.items()
        for name in names
    )  # fmt: skip


def _type(module: str, name: str) -> str:
    source = Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8")
    found = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    lines = source.splitlines()

    def row(field: ast.AnnAssign) -> tuple[str, ...]:
        _, _, comment = lines[field.lineno - 1].partition("  # ")
        return f"`{ast.unparse(field.target)}`", f"`{ast.unparse(field.annotation)}`", comment

    fields = (row(node) for node in found.body if isinstance(node, ast.AnnAssign))
    about = textwrap.dedent(ast.get_docstring(found) or "")
    return f"### {name}\n\n{about}\n\n{_table(('Field', 'Type', 'Meaning'), fields)}"


_TABLES: dict[str, Callable[[], str]] = {
    "platforms": _platforms,
    "precisions": _precisions,
    "fields of a record": _fields,
}


def main() -> int:
    """Rewrite what is out of date, or with ``--check`` return 1 if something is."""
    parser = argparse.ArgumentParser(description="rewrite the generated parts of the documents")
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    outdated = 0
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = filled(before)
        if before != after:
            outdated += 1
            print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written anew'}")
            if not check:
                path.write_text(after, encoding="utf-8")
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
