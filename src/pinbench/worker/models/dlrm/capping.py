"""How large the tables may be: MAX_IND_RANGE, given or as large as the memory allows."""

import bisect
from collections.abc import Callable, Sequence

from pinbench.base.errors import ModelError
from pinbench.base.units import format_bytes

# MLPerf DLRM takes ids modulo 40 million (reference --max-ind-range); below it, round numbers that two hosts of
# about the same size share, so that their results can be compared.
_CAPS = (
    40_000_000, 20_000_000, 10_000_000, 5_000_000, 2_000_000, 1_000_000,
    500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000,
)  # fmt: skip


_MLP_COPIES = 4  # at the widest moment: as drawn or loaded, in the model, packed by oneDNN, and packed for a chain
_MLP_WEIGHT_BYTES = 4  # drawn, loaded and copied in fp32


def mlp_remainder_bytes(dense_parameters: int, budget_bytes: int) -> int:
    """Return what the MLPs leave to batches and tables.

    Raises:
        ModelError: nothing; names both figures.
    """
    mlp_bytes = _MLP_COPIES * _MLP_WEIGHT_BYTES * dense_parameters
    if mlp_bytes < budget_bytes:
        return budget_bytes - mlp_bytes
    raise ModelError(
        f"the MLPs of ARCH_MLP_BOT and ARCH_MLP_TOP take {format_bytes(mlp_bytes)}, this instance may take "
        f"{format_bytes(budget_bytes)}; make them narrower, free memory, or run fewer instances"
    )


def batch_remainder_bytes(batch_size: int, need_bytes: int, users: int, budget_bytes: int) -> int:
    """Return what the batches of all `users` of one copy of the tables, `need_bytes` each, leave to the tables.

    Raises:
        ModelError: nothing; names both figures of one instance.
    """
    if need_bytes * users < budget_bytes:
        return budget_bytes - need_bytes * users
    raise ModelError(
        f"batches and activations of BATCH_SIZE={batch_size} take {format_bytes(need_bytes)}, this instance may take "
        f"{format_bytes(budget_bytes / users)}; set BATCH_SIZE lower, free memory, or run fewer instances"
    )


def score_remainder_bytes(rows: int, need_bytes: int, budget_bytes: int) -> int:
    """Return what the scores of `rows` rows leave to the tables.

    Raises:
        ModelError: nothing; names both figures.
    """
    if need_bytes < budget_bytes:
        return budget_bytes - need_bytes
    raise ModelError(
        f"the scores of {rows} rows take {format_bytes(need_bytes)}, this instance may take "
        f"{format_bytes(budget_bytes)}; set STEPS lower or free memory"
    )


def cap_rows(table_rows: Sequence[int], max_ind_range: int) -> tuple[int, ...]:
    """Return the rows of each table when ids are taken modulo `max_ind_range`."""
    return tuple(min(rows, max_ind_range) for rows in table_rows)


def choose_max_ind_range(
    table_rows: Sequence[int], row_bytes: int, budget_bytes: int, held: Callable[[Sequence[int]], int] = sum
) -> int:
    """Return the largest usual cap with which all tables fit `budget_bytes`.

    Args:
        table_rows: of each table, before the cap.
        row_bytes: of one row.
        budget_bytes: for the tables of this instance.
        held: the rows of all tables, capped, to those that this instance holds.

    Raises:
        ModelError: not even the smallest one fits.
    """
    for cap in _CAPS:
        if held(cap_rows(table_rows, cap)) * row_bytes <= budget_bytes:
            return cap
    need_bytes = held(cap_rows(table_rows, _CAPS[-1])) * row_bytes
    raise ModelError(
        f"tables capped at {_CAPS[-1]} rows take {format_bytes(need_bytes)}, this instance may take "
        f"{format_bytes(budget_bytes)}; free memory, run fewer instances, or set MAX_IND_RANGE"
    )


def check_fits(
    table_rows: Sequence[int],
    row_bytes: int,
    budget_bytes: int,
    max_ind_range: int,
    held: Callable[[Sequence[int]], int] = sum,
) -> None:
    """Refuse tables that do not fit, before anything is allocated.

    Raises:
        ModelError: names both figures and a cap that would fit.
    """
    need_bytes = held(cap_rows(table_rows, max_ind_range)) * row_bytes
    if need_bytes <= budget_bytes:
        return
    # bisect needs ascending keys: the size grows with the cap
    fitting = bisect.bisect_right(
        range(1, max_ind_range), budget_bytes, key=lambda cap: held(cap_rows(table_rows, cap)) * row_bytes
    )
    way_out = f"set MAX_IND_RANGE to {fitting} or less" if fitting else "free memory or run fewer instances"
    raise ModelError(
        f"tables with MAX_IND_RANGE={max_ind_range} take {format_bytes(need_bytes)}, this instance may take "
        f"{format_bytes(budget_bytes)} of its node; {way_out}"
    )
