"""A description as text for a terminal."""

from collections.abc import Iterator

from pinbench.base.units import PERCENT, format_bytes
from pinbench.contract.data import DataFormat, PlantedFacts
from pinbench.worker.data.criteo.description import (
    DecodedRow,
    Description,
    FileDescription,
    Provenance,
    SplitDescription,
)
from pinbench.worker.data.criteo.schema import HASH_VALUES

_COLUMNS = 10  # numbers in a line


def description_text(found: Description) -> str:
    """Return `found` in lines."""
    return "".join(f"{line}\n" for line in _lines(found))


def _lines(found: Description) -> Iterator[str]:
    yield f"{found.directory}: {found.format}, {format_bytes(found.size_bytes)}"
    if found.planted is not None:
        yield from _planted(found.planted)
    elif found.provenance is None:
        yield "no manifest: where it comes from is not known, and nothing can be compared with a digest"
    else:
        yield from _provenance(found.provenance)
    if found.table_rows is not None:
        yield f"ids of each category column ({sum(found.table_rows):,} in all):"
        yield from _numbers(found.table_rows)
    for split in found.splits:
        yield from _split(split, is_raw=found.format is DataFormat.TSV)
    yield "files:"
    yield from (_file(file) for file in found.files)
    yield from (f"FAULT: {fault}" for fault in found.faults)


def _provenance(origin: Provenance) -> Iterator[str]:
    yield f"made by pinbench {origin.written_by}, engine {origin.engine}: {', '.join(_recipe(origin))}"
    for given in origin.inputs:
        size = "" if given.size_bytes is None else f", {format_bytes(given.size_bytes)}"
        yield f"  from {given.name}: {given.rows:,} rows{size}"
    repairs = origin.repairs
    if repairs.byte_order_marks or repairs.carriage_returns:
        yield f"  repaired: {repairs.byte_order_marks} byte-order marks, {repairs.carriage_returns:,} lines with CR LF"
    if origin.planted_auc is not None:
        yield f"  made-up rows: the law that their labels follow reaches an AUC of {origin.planted_auc:.6f}"


def _planted(facts: PlantedFacts) -> Iterator[str]:
    yield (
        f"made up by pinbench data synthetic, seed {facts.seed}: {facts.rows:,} rows in {len(facts.files)} files, "
        f"{facts.clicks / facts.rows * PERCENT:.4f} % clicks, {facts.click_share * PERCENT:.4f} % by their law"
    )
    yield f"  that law reaches an AUC of {facts.auc:.6f} (standard error {facts.auc_standard_error:.6f})"
    yield f"values that each category column can have ({sum(facts.table_rows):,} in all):"
    yield from _numbers(facts.table_rows)


def _recipe(origin: Provenance) -> Iterator[str]:
    yield f"order {origin.order}"
    yield f"seed {origin.seed}"
    if origin.max_ind_range is not None:
        is_all = origin.max_ind_range >= HASH_VALUES
        yield "all categories kept apart" if is_all else f"categories modulo {origin.max_ind_range:,}"
    if origin.frequency_limit is not None:
        yield f"categories seen at least {origin.frequency_limit} times"
    if origin.assignment is not None:
        yield f"split {origin.assignment}"


def _split(split: SplitDescription, *, is_raw: bool) -> Iterator[str]:
    rows = "rows not counted (--verify counts them)" if split.rows is None else f"{split.rows:,} rows"
    yield f"{split.name}: {rows}{_label_rate(split)}"
    for number, row in enumerate(split.head):
        yield from _row(number, row, is_raw=is_raw)


def _label_rate(split: SplitDescription) -> str:
    rate = split.label_rate
    if rate is None:
        return ""
    looked_at = "all rows" if split.labelled_rows == split.rows else f"{split.labelled_rows:,} of them"
    return f", label rate {rate * PERCENT:.4f} % of {looked_at if split.rows is not None else 'the rows below'}"


def _row(number: int, row: DecodedRow, *, is_raw: bool) -> Iterator[str]:
    yield f"  row {number}: label {row.label}"
    yield f"    integers   {' '.join(_field(value) for value in row.dense)}"
    yield f"    categories {' '.join(_hash(value) if is_raw else _field(value) for value in row.sparse)}"


def _field(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _hash(value: int | None) -> str:
    return "-" if value is None else f"{value:08x}"


def _numbers(values: tuple[int, ...]) -> Iterator[str]:
    for begin in range(0, len(values), _COLUMNS):
        yield "  " + " ".join(f"{value:,}" for value in values[begin : begin + _COLUMNS])


def _file(file: FileDescription) -> str:
    size = "absent" if file.size_bytes is None else format_bytes(file.size_bytes)
    return f"  {file.name}: {size}, {file.state}{f' ({file.detail})' if file.detail else ''}"
