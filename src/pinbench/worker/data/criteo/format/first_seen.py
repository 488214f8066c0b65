"""The ids of facebookresearch/dlrm: by first appearance, over the held-out day too (data_utils.py:1045-1158)."""

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.form import FirstSeen
from pinbench.worker.data.criteo.schema import HASH_VALUES


def first_seen(name: str, default_range: int, max_ind_range: int | None, frequency_limit: int | None) -> FirstSeen:
    """Return the rule of the format `name`.

    Raises:
        UsageError: the range is none, or there is a `frequency_limit`, which the reference does not know.
    """
    if frequency_limit is not None:
        raise UsageError(
            f"--frequency-limit {frequency_limit} does not go with the {name} format, which keeps all categories; "
            "bound its tables by --max-ind-range"
        )
    modulo = default_range if max_ind_range is None else max_ind_range
    if not 1 <= modulo <= HASH_VALUES:
        raise UsageError(f"--max-ind-range must be from 1 to {HASH_VALUES}, got {modulo}")
    return FirstSeen(modulo=modulo)
