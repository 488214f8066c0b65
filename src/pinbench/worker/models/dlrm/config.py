"""The sizes of a DLRM, in the words of MLPerf's ``--arch-*`` options."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise

from pinbench.base.errors import UsageError


class Interaction(StrEnum):
    """How features meet: all pairwise dot products, concatenation alone, or a cross network behind it (DCN-v2)."""

    DOT = "dot"
    CAT = "cat"
    DCN = "dcn"


@dataclass(frozen=True, slots=True, kw_only=True)
class DlrmConfig:
    """All sizes; layer widths include the input and the output of each stack."""

    embedding_dim: int
    bottom: tuple[int, ...]  # 13-512-256-128
    over: tuple[int, ...]  # 479-1024-1024-512-256-1
    table_rows: tuple[int, ...]
    interaction: Interaction = Interaction.DOT
    hots: tuple[int, ...] = ()  # ids of a sample in each table, whose rows are added up; nothing: one in each
    cross_layers: int = 0
    cross_rank: int = 0  # what a cross layer's square matrix is factored through

    @property
    def num_ids(self) -> int:
        """The ids of a sample, of all tables together."""
        return sum(self.hots) if self.hots else self.num_tables

    @property
    def id_tables(self) -> tuple[int, ...]:
        """The table of each id of a sample."""
        hots = self.hots or (1,) * self.num_tables
        return tuple(table for table, ids in enumerate(hots) for _ in range(ids))

    @property
    def features_width(self) -> int:
        """The numbers of the dense and all sparse features together."""
        return self.embedding_dim * (self.num_tables + 1)

    @property
    def num_tables(self) -> int:
        """The number of sparse features."""
        return len(self.table_rows)

    @property
    def first_rows(self) -> tuple[int, ...]:
        """The first row of each table where all lie behind each other."""
        return tuple(accumulate(self.table_rows[:-1], initial=0))

    @property
    def dense_parameters(self) -> int:
        """Weights and biases of both stacks, and of the cross network."""
        stacks = sum(_stack_parameters(stack) for stack in (self.bottom, self.over))
        return stacks + self.cross_layers * self.features_width * (2 * self.cross_rank + 1)

    @property
    def parameters(self) -> int:
        """All weights, tables included."""
        return self.dense_parameters + sum(self.table_rows) * self.embedding_dim

    @property
    def flops_per_sample(self) -> int:
        """Multiplications and additions of the linear layers and the distinct dot products of one sample."""
        products = sum(i * o for stack in (self.bottom, self.over) for i, o in pairwise(stack))
        products += self.cross_layers * 2 * self.features_width * self.cross_rank
        if self.interaction is Interaction.DOT:
            products += num_pairs(self.num_tables + 1) * self.embedding_dim
        return 2 * products

    def table_bytes(self, itemsize: int) -> int:
        """Return the size of all tables with `itemsize` bytes a weight."""
        return sum(self.table_rows) * self.embedding_dim * itemsize


def num_pairs(features: int) -> int:
    """Return the number of distinct pairs of `features` vectors, none with itself."""
    return features * (features - 1) // 2


def parse_sizes(name: str, text: str) -> tuple[int, ...]:
    """Return the sizes in `text`, such as ``13-512-256-128``, the value of parameter `name`.

    Raises:
        UsageError: `text` is not a list of positive numbers joined by dashes.
    """
    parts = text.split("-")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"{name}: expected positive sizes joined by dashes such as 13-512-256-128, got {text!r}")
    return tuple(int(part) for part in parts)


def make_config(
    *,
    embedding_dim: int,
    bottom: str,
    over: str,
    table_rows: tuple[int, ...],
    interaction: str,
    hots: tuple[int, ...] = (),
    cross_layers: int = 0,
    cross_rank: int = 0,
) -> DlrmConfig:
    """Return the sizes that MLPerf's options describe; `over` leaves out the width of its input, as they do.

    Raises:
        UsageError: the sizes do not fit each other; names the parameters.
    """
    kind = Interaction(interaction)
    bottom_sizes = parse_sizes("ARCH_MLP_BOT", bottom)
    if bottom_sizes[-1] != embedding_dim:
        raise UsageError(
            f"ARCH_MLP_BOT={bottom} ends in {bottom_sizes[-1]}, but must end in "
            f"ARCH_SPARSE_FEATURE_SIZE={embedding_dim}: dense and sparse features interact"
        )
    features = len(table_rows) + 1
    width = embedding_dim + num_pairs(features) if kind is Interaction.DOT else embedding_dim * features
    over_sizes = parse_sizes("ARCH_MLP_TOP", over)
    if over_sizes[-1] != 1:
        raise UsageError(f"ARCH_MLP_TOP={over} ends in {over_sizes[-1]}, but must end in 1: the click probability")
    if hots and len(hots) != len(table_rows):
        raise UsageError(f"MULTI_HOT_SIZES has {len(hots)} numbers for {len(table_rows)} tables; give one for each")
    return DlrmConfig(
        embedding_dim=embedding_dim,
        bottom=bottom_sizes,
        over=(width, *over_sizes),
        table_rows=table_rows,
        interaction=kind,
        hots=hots,
        cross_layers=cross_layers,
        cross_rank=cross_rank,
    )


def _stack_parameters(sizes: tuple[int, ...]) -> int:
    return sum(i * o + o for i, o in pairwise(sizes))
