"""Where the declarations lie: the source tree that this package runs from."""

from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[4]
WORKLOAD_ROOT = SOURCE_ROOT / "workload"


def workload_folders(root: Path = WORKLOAD_ROOT) -> tuple[Path, ...]:
    """Return the folders under `root` that declare a workload, by name."""
    return tuple(sorted(path.parent for path in root.glob("*/workload.yaml")))
