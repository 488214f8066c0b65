"""The record of an iteration as a file, both ways; refuses what another schema wrote."""

from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.contract.result import SCHEMA_VERSION, Record


def write_record(path: Path, record: Record) -> None:
    """Write `record` to `path`, whole or not at all.

    Raises:
        RecordError: the file cannot be written.
    """
    write_json(path, record)


def read_record(path: Path) -> Record:
    """Return the record that `path` holds.

    Raises:
        RecordError: the file is absent, cut short, of another schema version, or not a record.
    """
    data = read_json(path)
    version = data.get("schema") if isinstance(data, dict) else None
    if version is None:
        raise RecordError(f"{path} is not a record: it has no field 'schema'")
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{path} has schema {version}, this pinbench reads {SCHEMA_VERSION}; "
            "read it with the kpi.sh of its own log directory"
        )
    return from_jsonable(Record, data, str(path))
