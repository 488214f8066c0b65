"""The record of an iteration as a file, both ways; refuses what another schema wrote."""

import json
import re
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json, to_jsonable, write_text
from pinbench.contract.result import SCHEMA_VERSION, Record

# A list of whole numbers as `indent` spreads it over lines. Inside a JSON string a line break is written \n,
# so that this never matches text.
_SPREAD_INTEGERS = re.compile(r"\[\n[\s\d,-]+\]")


def write_record(path: Path, record: Record) -> None:
    """Write `record` to `path`: one line a field, and each list of step times on a single line.

    Raises:
        RecordError: the file cannot be written.
    """
    text = json.dumps(to_jsonable(record), indent=1)
    write_text(path, _SPREAD_INTEGERS.sub(lambda match: "".join(match[0].split()), text) + "\n")


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
