import pytest

from pinbench.base.errors import UsageError
from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.harness import kpi


def test_a_plugin_is_the_module_of_that_name():
    assert load_plugin(kpi, "rounding").rounded(1.23456789) == 1.23457


def test_an_unknown_plugin_is_refused_with_those_that_exist():
    with pytest.raises(UsageError, match=r"no kpi named 'speed'; there are: .*latency.*throughput"):
        load_plugin(kpi, "speed")


def test_private_modules_are_no_plugins():
    from pinbench.harness import cli

    assert "ctest" in plugin_names(cli)
    assert not [name for name in plugin_names(cli) if name.startswith("_")]
