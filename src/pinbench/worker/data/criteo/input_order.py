"""In which order the raw files are taken."""

import re
from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import UsageError

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")


def in_order_of_time(paths: Sequence[Path]) -> list[Path]:
    """Return `paths` by number when they differ in one number alone, as ``day_0.gz`` ... ``day_23.gz``, else as given.

    A shell expands ``day_*.gz`` to day_0, day_1, day_10, ...: ids would change, and day_9 would become the test day.

    Raises:
        UsageError: a file is given twice.
    """
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"--input {path} is given twice")
        seen.add(path.resolve())
    parts = [_NUMBERED.fullmatch(path.name) for path in paths]
    numbers = {path: int(part[2]) for path, part in zip(paths, parts, strict=True) if part}
    shapes = {(path.parent, part and (part[1], part[3])) for path, part in zip(paths, parts, strict=True)}
    if len(shapes) > 1 or not numbers:
        return list(paths)
    return sorted(paths, key=numbers.__getitem__)
