"""The versions that a number depends on, read from package metadata: nothing is imported."""

import platform
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import metadata

from pinbench import __version__
from pinbench.contract.result import InstanceResult, Software

PACKAGES = ("torch", "numpy", "PyYAML", "scikit-learn")


def read_software(git_commit: str | None, packages: Sequence[str] = PACKAGES) -> Software:
    """Return the versions of this interpreter's environment, which the children commonly share.

    Args:
        git_commit: the commit of the suite, with a ``+`` behind it when the tree had changes.
        packages: distribution names; those that are not installed are left out.
    """
    return Software(
        pinbench=__version__,
        python=platform.python_version(),
        git_commit=git_commit,
        packages={name: version for name in packages if (version := _version(name)) is not None},
    )


def with_engines(software: Software, results: Iterable[InstanceResult]) -> Software:
    """Return `software` with what the instances' engines say of themselves, which may be of another environment."""
    told = {name: version for result in results if result.engine for name, version in result.engine.versions.items()}
    return replace(software, packages={**software.packages, **told})


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
