import inspect
import pkgutil
from importlib import import_module

import pytest

from pinbench.worker import recipes

NAMES = [module.name for module in pkgutil.iter_modules(recipes.__path__) if not module.name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_takes_what_an_instance_has_for_it(name):
    prepare = import_module(f"{recipes.__name__}.{name}").prepare
    inspect.signature(prepare).bind("instance", "gate", "store_fd", "folder")  # as worker/main.py calls it


def test_there_are_recipes():
    assert {"dlrm", "dlrm_v2", "bert_large", "dummy"} <= set(NAMES)
