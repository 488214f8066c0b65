"""Which raw files are known to be made up, so that nobody's licence covers them."""

from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import read_json

PLANTED_FILE = "planted.json"  # written by `pinbench data synthetic` beside its files


def are_made_up(paths: Sequence[Path]) -> bool:
    """Return whether each of `paths` stands, with its size, in the `PLANTED_FILE` beside it."""
    return bool(paths) and all(_is_made_up(path) for path in paths)


def _is_made_up(path: Path) -> bool:
    sizes_bytes = _sizes_bytes(path.parent / PLANTED_FILE)
    # Its digest would take as long as preparing it; who wants to deceive himself about a licence can.
    return path.is_file() and sizes_bytes.get(path.name) == path.stat().st_size


def _sizes_bytes(file: Path) -> dict[str, int]:
    if not file.is_file():
        return {}
    try:
        files = read_json(file)["files"]
        return {entry["name"]: entry["size_bytes"] for entry in files}
    except (RecordError, KeyError, TypeError):
        return {}  # another program's file: then the licence is asked for
