"""The versions that a number depends on, read from package metadata: nothing is imported."""

import platform
from collections.abc import Sequence
from importlib import metadata

from pinbench import __version__
from pinbench.contract.result import Software

PACKAGES = ("torch", "numpy", "PyYAML", "scikit-learn")


def read_software(git_commit: str | None, packages: Sequence[str] = PACKAGES) -> Software:
    """Return the versions of this interpreter's environment, which the children share.

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


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
