"""What an engine needs of this interpreter: packages and precisions, refused in one line with the way out."""

from collections.abc import Collection
from importlib import metadata

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision


def require_packages(engine: str, packages: Collection[str]) -> None:
    """Check that all `packages` (names of distributions) are installed.

    Raises:
        HostError: some are not; says how to get them.
    """
    absent = [name for name in packages if version_of(name) is None]
    if absent:
        raise HostError(
            f"ENGINE={engine} needs {', '.join(absent)}, which this interpreter does not have; "
            f"`script/env/python {engine}` installs what it needs"
        )


def require_precision(engine: str, precision: Precision, able: Collection[Precision], why: str) -> None:
    """Check that the engine computes in `precision`.

    Raises:
        HostError: it does not; says `why`, and what it computes in.
    """
    if precision not in able:
        raise HostError(f"ENGINE={engine} does not compute in {precision}: {why}; it has {', '.join(able)}")


def versions(packages: Collection[str]) -> dict[str, str]:
    """Return the version of each of `packages` that is installed."""
    return {name: version for name in packages if (version := version_of(name)) is not None}


def version_of(package: str) -> str | None:
    """Return the version of a distribution, None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
