"""Plug-ins: a variant is a module of its package, found by the file's name."""

import importlib
import pkgutil
from types import ModuleType

from pinbench.base.errors import UsageError


def plugin_names(package: ModuleType) -> tuple[str, ...]:
    """Return the names of the public modules of `package`, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def load_plugin(package: ModuleType, name: str) -> ModuleType:
    """Import and return the module `name` of `package`.

    Raises:
        UsageError: there is no such module; lists those that exist.
    """
    if name not in plugin_names(package):
        kind = package.__name__.rpartition(".")[2]
        raise UsageError(f"no {kind} named {name!r}; there are: {', '.join(plugin_names(package))}")
    return importlib.import_module(f"{package.__name__}.{name}")
