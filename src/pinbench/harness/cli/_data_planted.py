"""Which raw files are known to be made up, so that nobody's licence covers them."""

from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.data import PLANTED_FILE, PlantedFacts


def read_planted(directory: Path) -> PlantedFacts | None:
    """Return what is known of made-up raw files in `directory`; None where nothing is, or it cannot be read."""
    try:
        return from_jsonable(PlantedFacts, read_json(directory / PLANTED_FILE), PLANTED_FILE)
    except RecordError:
        return None


def are_made_up(paths: Sequence[Path]) -> bool:
    """Return whether each of `paths` stands, with its size, in the `PLANTED_FILE` beside it."""
    return bool(paths) and all(_is_made_up(path) for path in paths)


def _is_made_up(path: Path) -> bool:
    planted = read_planted(path.parent)
    # The digest of a file would take as long as preparing it; who wants to deceive himself about a licence can.
    return planted is not None and any(
        file.name == path.name and file.size_bytes == path.stat().st_size for file in planted.files
    )
