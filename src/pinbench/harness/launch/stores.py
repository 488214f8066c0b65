"""The shared weight stores: one anonymous file for each NUMA node whose instances share their weights."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from pinbench.contract.plan import Instance


@contextmanager
def open_stores(instances: Iterable[Instance]) -> Iterator[dict[int, int]]:
    """Give an empty memfd for each store of `instances`, by its node.

    The instance that builds a store sizes and fills it. Once the children have inherited it, it should be closed
    here: then the memory lives exactly as long as an instance maps it.
    """
    with ExitStack() as stack:
        stores = {}
        for node in sorted({instance.store for instance in instances if instance.store is not None}):
            stores[node] = os.memfd_create(f"pinbench-weights-{node}")
            stack.callback(os.close, stores[node])
        yield stores
