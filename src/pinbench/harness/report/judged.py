"""kpi.json: what judging a record gave, kept beside it: a record has a million step times, a listing 500 records.

It stands for the record only while both are what they were, and the code that judged is: one digest covers all three.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import pinbench
from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, to_jsonable
from pinbench.contract.case import Case, Scalar
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import Record, Status
from pinbench.harness.kpi.text import Block
from pinbench.harness.record.tunables import tunables
from pinbench.harness.report.system import system

NAME = "kpi.json"

# What the judgement of a record depends on.
_JUDGES = (
    "__init__.py", "base/*.py", "contract/*.py", "harness/kpi/*.py", "harness/record/*.py", "harness/report/*.py",
)  # fmt: skip
_KPI_FIELDS = [item.name for item in fields(Kpi)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a listing needs of a record. None: the record does not tell."""

    status: Status
    reason: str | None
    case: Case | None
    started_at: str  # ISO 8601
    elapsed_s: float
    parameters: Mapping[str, Scalar] = field(default_factory=dict)  # what was asked for, overlaid with what ran
    system: Mapping[str, Scalar] = field(default_factory=dict)
    kpis: tuple[Kpi, ...] = ()

    @property
    def host(self) -> str | None:
        """The CPU model."""
        found = self.system.get("CPU_MODEL")
        return None if found is None else str(found)


def judged(record: Record, block: Block) -> Judged:
    """Return what a listing needs of a record and its block, both as `conclude` gave them."""
    asked = {} if record.plan is None else tunables(record.plan.case)
    return Judged(
        status=record.status,
        reason=block.reason,
        case=None if record.plan is None else record.plan.case,
        started_at=record.started_at,
        elapsed_s=record.elapsed_s,
        parameters={**asked, **block.workload, **block.application},
        system=system(record),
        kpis=block.kpis,
    )


def keep(iteration: Path, record: bytes, found: Judged) -> None:
    """Keep what judging the bytes of record.json gave; does nothing where the folder cannot be written to."""
    body = json.dumps(_body(found))
    text = f'{{"digest": "{_digest(record, body)}", "judged":\n{body}}}\n'
    temporary = iteration / f".{NAME}.{os.getpid()}"
    with contextlib.suppress(OSError):  # of somebody else, or on a medium that is read only: it is judged again
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(iteration / NAME)  # without fsync: a file that was cut short has another digest
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def recall(iteration: Path, record: bytes) -> Judged | None:
    """Return what was kept of the bytes of record.json; None: nothing, or it was of something else."""
    try:
        text = (iteration / NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    head, _, rest = text.partition("\n")
    body = rest.removesuffix("}\n")
    if head != f'{{"digest": "{_digest(record, body)}", "judged":':
        return None
    try:
        return _from_body(json.loads(body))
    except (RecordError, ValueError, TypeError, KeyError):
        return None


def _digest(record: bytes, body: str) -> str:
    return hashlib.sha256(b"\0".join((_judges(), hashlib.sha256(record).digest(), body.encode()))).hexdigest()


@cache
def _judges() -> bytes:
    """Return a hash of the code that judges."""
    package = Path(pinbench.__file__).parent
    sources = sorted(path for pattern in _JUDGES for path in package.glob(pattern))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).digest()


def _body(found: Judged) -> dict[str, Any]:
    kpis = [list(astuple(kpi)) for kpi in found.kpis]
    case = None if found.case is None else json.dumps(to_jsonable(found.case))
    whole = {item.name: to_jsonable(getattr(found, item.name)) for item in fields(found)}
    return {**whole, "case": case, "kpis": {"fields": _KPI_FIELDS, "rows": kpis}}


def _from_body(body: Any) -> Judged:
    """Return what `_body` made; quickly, for the digest has shown that nothing needs to be checked."""
    case, rows = body.pop("case"), body.pop("kpis")["rows"]
    kpis = tuple(Kpi(**dict(zip(_KPI_FIELDS, row, strict=True))) for row in rows)
    return Judged(**{**body, "status": Status(body["status"])}, case=None if case is None else _case(case), kpis=kpis)


@cache
def _case(text: str) -> Case:
    return from_jsonable(Case, json.loads(text))
