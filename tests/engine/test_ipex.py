"""IPEX: where it is refused. In an environment that has it the common tests of the engines run it."""

import pytest

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.worker.engine import _needs, ipex


def test_where_it_is_absent_the_case_is_skipped_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(_needs, "version_of", lambda package: None)
    with pytest.raises(HostError, match=r"ENGINE=ipex needs intel-extension-for-pytorch, .*`script/env/python ipex`"):
        ipex.require(Precision.FP32)


def test_int8_is_refused():
    with pytest.raises(HostError, match=r"ENGINE=ipex does not compute in int8: .*; it has fp32, bfloat16"):
        ipex.require(Precision.INT8)
