"""Functions compiled by numba: one home for how."""

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Return `function` compiled when it is first called; it runs beside other threads, and is kept for later runs."""
    return numba.njit(nogil=True, cache=True)(function)  # type: ignore[return-value]
