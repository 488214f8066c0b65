"""Which runs may be held against each other: those of one case, of one kind, on one kind of host."""

from collections.abc import Iterable, Mapping, Sequence

from pinbench.base.errors import UsageError
from pinbench.contract.case import DataType, Scalar
from pinbench.harness.record.tunables import tunables
from pinbench.harness.report.entries import Entry, Outcome

HOST, PRECISION = "HOST", "PRECISION"

# Parameters that change neither what is computed nor how.
_IRRELEVANT = {"COST_PER_HOUR", "TIMEOUT", "ONEDNN_VERBOSE", "SEED"}
# What was read back, not only asked for.
_READ_BACK = (
    "MODEL_NAME", "TABLE_ROWS", "MAX_IND_RANGE", "WEIGHT_DTYPE", "TABLE_DTYPE", "DATASET_ROWS", "SERVING_STACK",
    "INSTANCE_NUMBER", "CORES_PER_INSTANCE", "THREADS_PER_INSTANCE", "EMULATED",
)  # fmt: skip
# What may differ, and is named: often it is what the comparison is for.
_NAMED = (
    "PLATFORM", "MICROCODE", "KERNEL", "OS", "GOVERNOR", "TURBO", "SMT", "TRANSPARENT_HUGEPAGES", "MEMORY_BYTES",
    "PINBENCH", "GIT_COMMIT", "PYTHON", "PACKAGES",
)  # fmt: skip

Groups = Mapping[str, Sequence[Entry]]


def by_case(entries: Iterable[Entry], allowed: frozenset[str]) -> dict[str, list[Entry]]:
    """Return all entries whose case is known by its name, without its precision where that may differ."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.case is not None:
            name = entry.case.name
            groups.setdefault(name.replace(entry.case.label, "*") if PRECISION in allowed else name, []).append(entry)
    return groups


def with_numbers(groups: Groups) -> dict[str, list[Entry]]:
    """Return the entries that passed, and the cases that have such."""
    passed = {name: [entry for entry in side if entry.outcome is Outcome.PASSED] for name, side in groups.items()}
    return {name: side for name, side in passed.items() if side}


def common_cases(base: Groups, new: Groups) -> list[str]:
    """Return the names that both have.

    Raises:
        UsageError: there is none; names what there is.
    """
    common = [name for name in base if name in new]
    if common:
        return common
    sides = (entry for side in (base, new) for entries in side.values() for entry in entries)
    labels = dict.fromkeys(entry.case.label for entry in sides if entry.case is not None)
    if _without_precision(base) & _without_precision(new):
        raise UsageError(_refusal("runs", PRECISION, list(labels)))
    raise UsageError(f"no case has numbers on both sides: {_names(base)} and {_names(new)}")


def require_comparable(name: str, entries: Sequence[Entry], allowed: frozenset[str]) -> None:
    """Refuse runs of different kinds.

    Raises:
        UsageError: names the first thing that differs, its values, and how to compare all the same.
    """
    found = [_identity(entry) for entry in entries]
    for what in dict.fromkeys(what for identity in found for what in identity):
        values = distinct(identity.get(what) for identity in found)
        if len(values) > 1 and what not in allowed:
            raise UsageError(_refusal(name, what, values))


def differences(base: Sequence[Entry], new: Sequence[Entry]) -> tuple[str, ...]:
    """Return what else differs, such as versions: a line each, nothing that forbids the comparison."""
    lines = []
    for name in ("CPU_MODEL", *_NAMED):
        values = [distinct(entry.system.get(name) for entry in side) for side in (base, new)]
        if values[0] != values[1]:
            lines.append(f"{name}: {', '.join(values[0]) or 'not known'} -> {', '.join(values[1]) or 'not known'}")
    return tuple(lines)


def distinct(values: Iterable[Scalar | None]) -> list[str]:
    """Return the texts of all values that are known, each once."""
    return list(dict.fromkeys(str(value) for value in values if value is not None))


def _identity(entry: Entry) -> dict[str, Scalar | None]:
    assert entry.case is not None
    asked = {name: value for name, value in tunables(entry.case).items() if name not in _IRRELEVANT}
    data = {"DATASET": entry.parameters.get("DATASET")} if entry.case.knobs.data_type is DataType.REAL else {}
    return {**asked, **data, **{name: entry.parameters.get(name) for name in _READ_BACK}, HOST: _host(entry)}


def _host(entry: Entry) -> str:
    return f"{entry.host or 'an unknown CPU'} with {entry.system.get('CPUS', '?')} CPUs"


def _refusal(name: str, what: str, values: Sequence[str]) -> str:
    return f"{name}: not comparable, {what} is {' and '.join(values)}; --allow {what} compares them all the same"


def _without_precision(group: Groups) -> set[str]:
    return set(by_case((entry for entries in group.values() for entry in entries), frozenset({PRECISION})))


def _names(group: Groups) -> str:
    return ", ".join(group) or "nothing that passed"
