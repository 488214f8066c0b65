"""What ``pinbench data`` says of a data set that it has written."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.base.units import format_bytes
from pinbench.contract.data import MANIFEST_FILE, PLANTED_FILE, DataManifest, PlantedFacts

_FILES = 12  # of 24 days of columns the first ones are enough


def manifest_lines(output: Path) -> Iterator[str]:
    """Yield the lines about the data set in `output`."""
    manifest = from_jsonable(DataManifest, read_json(output / MANIFEST_FILE), MANIFEST_FILE)
    rows = sum(given.rows for given in manifest.inputs)
    source = f"{rows:,} rows of {len(manifest.inputs)} file(s)" if manifest.inputs else "made-up rows"
    yield f"{output.resolve()}: {source}, format {manifest.format}"
    for file in manifest.files[:_FILES]:
        of_rows = "" if file.rows is None else f"{file.rows:,} rows, "
        yield f"  {file.name}: {of_rows}{format_bytes(file.size_bytes)}"
    if len(manifest.files) > _FILES:
        yield f"  and {len(manifest.files) - _FILES} more; {MANIFEST_FILE} lists all"
    yield from _repair_lines(manifest)
    if manifest.planted_auc is not None:
        yield f"  planted AUC: {manifest.planted_auc:.4f}, the best that a model can reach"
    yield f"run a case on it with: DATA_TYPE=real DATASET_DIR={output.resolve()}"


def raw_lines(output: Path) -> Iterator[str]:
    """Yield the lines about the made-up raw files in `output`."""
    planted = from_jsonable(PlantedFacts, read_json(output / PLANTED_FILE), PLANTED_FILE)
    size_bytes = sum(file.size_bytes for file in planted.files)
    yield (
        f"{output.resolve()}: {planted.rows:,} made-up rows in {len(planted.files)} file(s), {format_bytes(size_bytes)}"
    )
    yield f"  clicks: {planted.clicks / planted.rows:.2%}"
    yield f"  planted AUC: {planted.auc:.4f}, the best that a model can reach"
    names = [shlex.quote(str(output / file.name)) for file in planted.files[:2]]
    more = " ..." if len(planted.files) > len(names) else ""
    yield f"prepare them with: pinbench data criteo --input {' '.join(names)}{more} --output DIR"


def _repair_lines(manifest: DataManifest) -> Iterator[str]:
    repairs = manifest.repairs
    if repairs.byte_order_marks:
        yield f"  repaired: {repairs.byte_order_marks:,} byte-order mark(s) skipped"
    if repairs.carriage_returns:
        yield f"  repaired: {repairs.carriage_returns:,} line(s) ended in CR LF"
