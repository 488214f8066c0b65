import os
from collections.abc import Callable

import pytest

from pinbench.contract.plan import Instance
from pinbench.harness.launch.stores import open_stores


def test_each_node_has_one_store_that_is_closed_afterwards(make_instance: Callable[..., Instance]) -> None:
    with open_stores([make_instance(store=store) for store in (1, 0, 1, None)]) as stores:
        assert sorted(stores) == [0, 1]
        assert [os.fstat(fd).st_size for fd in stores.values()] == [0, 0]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(stores[0])
