"""PLANTED_FILE, which says of the raw files beside it that they are made up, and what is known of their labels."""

from pathlib import Path

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.data import PLANTED_FILE, PlantedFacts


def read_planted(directory: Path) -> PlantedFacts | None:
    """Return what is known of the raw files in `directory`; None where nothing is.

    Raises:
        DataError: PLANTED_FILE is damaged.
    """
    path = directory / PLANTED_FILE
    if not path.exists():
        return None
    try:
        return from_jsonable(PlantedFacts, read_json(path), str(path))
    except RecordError as error:
        raise DataError(f"{error}; remove it and the files beside it") from error
