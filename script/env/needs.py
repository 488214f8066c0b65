"""What a level needs: the packages (pyproject.toml) at their versions (constraints.txt), and a hash of both."""

import hashlib
import platform
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = Path("script", "env", "constraints.txt")

# level: the groups of `project.optional-dependencies` that it adds to `project.dependencies`, each with what only
# this machine's architecture has of it (`dev-x86_64`)
LEVELS = {
    "list": (),
    "cmake": ("cmake",),
    "run": ("run",),
    "data": ("data",),
    "learn": ("run", "data"),  # a training that prepares its data first
    "spark": ("data", "spark"),  # beside dev, not in it: 740 MB, which most changes do not touch
    "onnxruntime": ("run", "onnxruntime"),
    "openvino": ("run", "openvino"),
    "ipex": ("run", "ipex"),
    "zentorch": ("run", "zentorch"),
    "npu": ("run", "npu"),
    "mlperf": ("mlperf",),
    "plot": ("plot",),
    "peers": ("data", "spark", "peers"),  # what the comparisons of data preparation run beside ours
    "bert": ("run", "bert"),
    "bert-peers": ("run", "bert", "bert-peers"),  # what the tests of BERT compare with: 110 MB, beside dev like spark
    "kubernetes": ("kubernetes",),
    "dev": ("run", "cmake", "data", "mlperf", "kubernetes", "dev"),
}

# Levels that want another torch than all others: each has an environment of its own, `.venv-<level>`.
APART = ("ipex", "zentorch", "npu")


def packages(level: str, root: Path = ROOT) -> tuple[str, ...]:
    """Return the names of the packages that `level` needs directly, as pyproject.toml spells them."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    groups = [name for group in LEVELS[level] for name in (group, f"{group}-{platform.machine()}")]
    extras = [name for group in groups for raw in optional.get(group, ()) if (name := _for_this_python(raw))]
    return (*project["dependencies"], *extras)


def _for_this_python(requirement: str) -> str | None:
    """Return the name of the package, None where ``; python_version < "3.14"`` leaves this Python out."""
    name, _, marker = requirement.partition(" ; ")
    if not marker:
        return name
    version = re.fullmatch(r"python_version < ['\"](\d+)\.(\d+)['\"]", marker)
    assert version, f'{requirement}: of markers only python_version < "X.Y" is understood here'
    return name if sys.version_info[:2] < (int(version[1]), int(version[2])) else None


def implied(level: str) -> tuple[str, ...]:
    """Return the levels that are complete when `level` is, itself included."""
    return tuple(name for name, groups in LEVELS.items() if set(groups) <= set(LEVELS[level]))


def pins(text: str, level: str = "") -> tuple[str, ...]:
    """Return the lines of a constraints file that pin something for `level`, without comments.

    A level of an environment of its own has pins behind ``#<level>:``, which pip takes for comments; they stand in
    for those of the same packages.
    """
    lines, mark = text.splitlines(), f"#{level}:"
    common = tuple(line for raw in lines if (line := raw.partition("#")[0].strip()))
    own = tuple(line.removeprefix(mark).strip() for line in lines if level and line.startswith(mark))
    replaced = {_pinned_name(line) for line in own}
    return (*(line for line in common if _pinned_name(line) not in replaced), *own)


def _pinned_name(line: str) -> str:
    return line.partition("==")[0].strip()


def fingerprint(level: str, root: Path = ROOT) -> str:
    """Return a hash that changes when a package of `level` or any pin does."""
    lines = (*packages(level, root), *pins((root / CONSTRAINTS).read_text(encoding="utf-8"), level))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
