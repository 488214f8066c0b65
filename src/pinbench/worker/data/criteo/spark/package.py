"""This package as one file, which Spark carries to the executors of a cluster."""

import zipfile
from pathlib import Path

import pinbench

_NAME = "pinbench.zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that the form of zip files knows: the same files, the same bytes


def package_root() -> Path:
    """Return the folder from which this package is imported."""
    return Path(pinbench.__file__).absolute().parents[1]


def write_package(folder: Path) -> Path:
    """Write the package into `folder` and return its path; numba, isal and numpy it cannot carry."""
    root, path = package_root(), folder / _NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sorted((root / "pinbench").rglob("*.py")):
            member = zipfile.ZipInfo(source.relative_to(root).as_posix(), _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, source.read_bytes())
    return path
