"""The environment of a child: what the plan says, without what the user's shell happened to hold."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pinbench

_SOURCE_ROOT = str(Path(pinbench.__file__).resolve().parents[1])


def child_environment(base: Mapping[str, str], scrub: Collection[str], own: Mapping[str, str]) -> dict[str, str]:
    """Return `base` without the names that start with one of `scrub`, then `own`.

    The child imports the very code that the parent runs, however the parent found it.
    """
    prefixes = tuple(scrub)
    kept = {name: value for name, value in base.items() if not name.startswith(prefixes)} | dict(own)
    paths = [_SOURCE_ROOT, *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}
