"""kpi.pyz: the judging half of pinbench in one file, so that a log directory explains itself anywhere.

It needs Python 3.11 and nothing else: neither the checkout nor an environment (docs.python.org/3/library/zipapp).
"""

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pinbench
from pinbench.base.errors import RecordError

NAME = "kpi.pyz"

_PARTS = (
    "__init__.py",
    "base/*.py",
    "contract/*.py",
    "harness/__init__.py",
    "harness/record/__init__.py",
    "harness/record/schema.py",
    "harness/record/discover.py",
    "harness/kpi/*.py",
    "harness/cli/__init__.py",
    "harness/cli/kpi.py",
)
_MAIN = """\
import sys

from pinbench.harness.cli import main

sys.exit(main(["kpi", *sys.argv[1:]]))
"""


def bundle() -> bytes:
    """Return the bundle; its bytes depend on the sources alone.

    Stored, not deflated: zlib's output differs between versions. A ZipInfo of its own dates a file 1980.
    """
    package = Path(pinbench.__file__).parent
    sources = sorted(path for part in _PARTS for path in package.glob(part))
    contents = {"__main__.py": _MAIN.encode()}
    contents.update({f"pinbench/{path.relative_to(package).as_posix()}": path.read_bytes() for path in sources})
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def write_bundle(path: Path) -> None:
    """Write the bundle to `path`, whole or not at all.

    Raises:
        RecordError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(bundle())
        os.replace(temporary, path)
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}") from error
