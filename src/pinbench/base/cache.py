"""Where what can be made again is kept between runs."""

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder, as the XDG Base Directory Specification has it; it need not be there."""
    base = environment.get("XDG_CACHE_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "pinbench"
