"""Which build of torch pip is about to bring: a CUDA build is several GB that a machine without a GPU cannot use."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# PyPI's Linux builds of torch require these (Requires-Dist of the packages).
_CUDA = ("nvidia-", "cuda-", "triton", "pytorch-triton")
_HEAD_TIMEOUT_S = 5.0
_GB = 10**9


def gpu_present(root: Path = Path("/")) -> bool:
    """Return whether the NVIDIA kernel driver shows a device (README of the driver, "device files", "/proc")."""
    return any((root / "dev").glob("nvidia*")) or (root / "proc" / "driver" / "nvidia").exists()


def index_options(index: str) -> list[str]:
    """Return pip's options for taking torch from `index` alone: a folder of wheels, or the address of a wheel index.

    ``--index-url`` and not ``--extra-index-url``: with two indexes pip takes the higher version of either, so that
    the same version from the ordinary index could win. The rest of torch's needs comes from the ordinary index later.
    """
    if Path(index).is_dir():
        return ["--no-index", "--find-links", index, "--no-deps"]
    return ["--index-url", index, "--no-deps"]


def cuda_urls(report: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> address of torch and its CUDA packages in pip's installation report; empty for a CPU build.

    `report` is what ``pip install --dry-run --report`` writes (pip's documentation, "Installation Report").
    """
    urls = {item["metadata"]["name"].lower(): item["download_info"]["url"] for item in report["install"]}
    cuda = {name: url for name, url in urls.items() if name.startswith(_CUDA)}
    return {"torch": urls["torch"], **cuda} if cuda and "torch" in urls else cuda


def read_report(path: Path) -> dict[str, str]:
    """Return `cuda_urls` of the report file that pip wrote."""
    return cuda_urls(json.loads(path.read_text(encoding="utf-8")))


def warning(urls: Mapping[str, str], sizes_bytes: Sequence[int | None]) -> str:
    """Return the line that says what is about to be downloaded and the way round it."""
    known = [size for size in sizes_bytes if size is not None]
    size = f"{sum(known) / _GB:.1f} GB" if known and len(known) == len(sizes_bytes) else "several GB"
    return (
        f"pinbench: warning: pip is about to bring a CUDA build of torch, {len(urls)} packages, {size}, to a machine "
        "without a GPU. For a CPU build stop now (Ctrl-C) and set PINBENCH_TORCH_INDEX to a wheel index, or a folder "
        "of wheels, that has one"
    )


def download_sizes(urls: Iterable[str], size: Callable[[str], int | None] | None = None) -> list[int | None]:
    """Return the size in bytes of each of `urls`; None where the server does not tell."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(size or _size, urls))


def _size(url: str) -> int | None:
    parts = urllib.parse.urlsplit(url)
    try:
        if parts.scheme == "file":
            return Path(urllib.parse.unquote(parts.path)).stat().st_size
        request = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(request, timeout=_HEAD_TIMEOUT_S) as answer:
            length = answer.headers["Content-Length"]
    except (OSError, urllib.error.URLError, ValueError):
        return None  # the figure is a courtesy: pip may have proxies and certificates that this request has not
    return int(length) if length is not None else None
