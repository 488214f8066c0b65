"""The stages that an engine does: between them and around them a preparation is the same on each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pinbench.worker.data.criteo.arrange import ShardPlace
from pinbench.worker.data.criteo.form import IdRule, Stream, Words, Writer
from pinbench.worker.data.criteo.order import Order
from pinbench.worker.data.criteo.parse import RunPieces

Files = list[tuple[Path, int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where rows go, when they are parsed and have ids."""

    folder: Path
    streams: Sequence[Stream]
    order: Order | None  # of the shuffled stream, if there is one
    open_writer: Callable[[bool], Writer]  # given whether the files that are there stay
    settle: Callable[[int, Words], None] | None  # changes integers of a day, given its number, before the shuffle
    is_resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDay:
    """What a `DayFormat` does to integers, with the smallest of each day; other processes can be sent it."""

    settle_day: Callable[[Words, int], None]
    minima: Sequence[int]

    def __call__(self, day: int, dense_BI: Words) -> None:
        """Change, in place, integers of rows of `day`."""
        self.settle_day(dense_BI, self.minima[day])


class Stages(Protocol):
    """An engine, given one preparation."""

    @property
    def run_pieces(self) -> RunPieces | None:
        """What parses pieces of raw files; None: threads of this process."""
        ...

    def give_ids(self, rule: IdRule, shards: Sequence[ShardPlace]) -> tuple[int, ...]:
        """Give ids to all entries of `shards`, and return how many each column has."""
        ...

    def day_minima(self, shards: Sequence[ShardPlace]) -> list[int]:
        """Return the smallest integer of each day, an empty field counted as 0."""
        ...

    def arrange(self, shards: Sequence[ShardPlace], placement: Placement) -> Files:
        """Write all rows and return the finished files."""
        ...
