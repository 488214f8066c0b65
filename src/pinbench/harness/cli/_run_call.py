"""What ctest.sh tells each run of a case, a grandchild of it behind ctest, by variables that no parameter has."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.host import Topology
from pinbench.contract.plan import Plan
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.plan.share import share_of
from pinbench.harness.record import journal
from pinbench.harness.record.attachments import attach

_SHARE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
_LABEL = re.compile(r"[a-z0-9]{0,30}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCall:
    """The part of a call of ctest.sh that one run of a case must know."""

    label: str = ""  # of its log directory, and of its lines in the journal
    share: tuple[int, int] | None = None  # which of how many equal parts of the host it gets
    attachments: tuple[Path, ...] = ()
    journal: Path | None = None

    def part_of(self, topology: Topology) -> tuple[Topology, tuple[str, ...]]:
        """Return what of `topology` this run may use, and the notes on it.

        Raises:
            PlanError: there are fewer cores than parts.
        """
        if self.share is None:
            return topology, ()
        part, note = share_of(topology, *self.share)
        return part, (note,)

    def attach(self, log_directory: Path) -> None:
        """Copy the user's files into `log_directory`.

        Raises:
            RecordError: one cannot be copied.
        """
        attach(self.attachments, log_directory)

    def note_end(self, case: str, code: int, logs: Path | None) -> None:
        """Tell ctest.sh how `case` ended.

        Raises:
            RecordError: the journal cannot be written.
        """
        if self.journal is not None:
            name = TEST_PREFIX + case.removeprefix(TEST_PREFIX)
            line = journal.Line(turn=self.label, case=name, code=code, logs=None if logs is None else str(logs))
            journal.append(self.journal, line)


def read_call(environment: Mapping[str, str]) -> RunCall:
    """Return what `environment` says; nothing where the run was not started by ctest.sh.

    Raises:
        UsageError: somebody set one of the variables to what ctest.sh would not.
    """
    share, label = environment.get("PINBENCH_SHARE"), environment.get("PINBENCH_LABEL", "")
    match = None if share is None else _SHARE.fullmatch(share)
    if share is not None and (match is None or int(match[1]) > int(match[2])):
        raise UsageError(f"PINBENCH_SHARE must be a part such as 1/2, got {share!r}; ctest.sh --burst sets it")
    if not _LABEL.fullmatch(label):
        raise UsageError(f"PINBENCH_LABEL must be small letters and digits, got {label!r}; ctest.sh --loop sets it")
    path = environment.get("PINBENCH_JOURNAL")
    return RunCall(
        label=label,
        share=None if match is None else (int(match[1]), int(match[2])),
        attachments=tuple(Path(name) for name in json.loads(environment.get("PINBENCH_ATTACH", "[]"))),
        journal=Path(path) if path else None,
    )


def with_notes(plan: Plan, notes: tuple[str, ...]) -> Plan:
    """Return `plan` with `notes` before its own."""
    return replace(plan, notes=(*notes, *plan.notes)) if notes else plan
