"""Which values each call of ctest gets: loops one after the other, the members of a burst at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.base.errors import UsageError
from pinbench.harness.case.sequence import Axis, combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call of ctest."""

    label: str  # "l2b1": of its log directories; empty for the only one
    settings: tuple[str, ...] = ()  # NAME=VALUE
    cases: tuple[str, ...] | None = None  # names of tests; None: those that the user's own words choose
    share: tuple[int, int] | None = None  # which of how many equal parts of the cores it gets, from 1; None: all

    @property
    def title(self) -> str:
        """The turn for a reader."""
        return " ".join([self.label, *self.settings]).strip()


Round = tuple[Turn, ...]  # turns at the same time


def make_rounds(settings: Sequence[Sequence[Axis]], loops: int | None, burst: int | None) -> tuple[Round, ...]:
    """Return the rounds; each entry of `settings` is of one ``--set`` and starts anew when its values are used up.

    Args:
        settings: the axes of each ``--set``; several advance together.
        loops: how many rounds; None: one.
        burst: how many turns at the same time; None: one.

    Raises:
        UsageError: there are more values than turns, so that some would never be used.
    """
    rows = [combinations(axes) for axes in settings]
    members = burst or 1
    total = (loops or 1) * members
    for axes, row in zip(settings, rows, strict=True):
        _require_turns(axes, len(row), total, members)
    return tuple(
        tuple(
            Turn(
                label=_label(loop if loops else None, member if burst else None),
                settings=tuple(text for row in rows for text in row[(loop * members + member) % len(row)]),
                share=(member + 1, members) if members > 1 else None,
            )
            for member in range(members)
        )
        for loop in range(loops or 1)
    )


def _require_turns(axes: Sequence[Axis], values: int, total: int, members: int) -> None:
    if values <= total:
        return
    name = "/".join(axis.name for axis in axes)
    what = "values" if len(axes) == 1 else "combinations of values"
    loops = -(-values // members)
    raise UsageError(
        f"--set {name}=... has {values} {what} for {total} run{'s' if total > 1 else ''} of each case: some would "
        f"never be used; --loop {loops} takes all, or --sweep instead of --set"
    )


def _label(loop: int | None, member: int | None) -> str:
    return ("" if loop is None else f"l{loop + 1}") + ("" if member is None else f"b{member + 1}")
