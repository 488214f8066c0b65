"""Weights in the layout of a kernel, once for all instances of a node: behind the tables, in the store that they share.

Whoever needs them first packs them, under a lock that ends with its process; everyone, the packer too, then maps them
to be read alone. Packed weights of oneDNN cannot lie here: PyTorch hands them out as tensors whose memory oneDNN
itself allocates, and takes none that it is given.
"""

import fcntl
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import ModelError
from pinbench.base.units import format_bytes
from pinbench.worker.executable import Place
from pinbench.worker.weights import map_readable

Bytes = npt.NDArray[np.uint8]

# The place says in its first page which weights it holds: a key, and how many bytes follow the page. The key is written
# last: a process that was killed while it packed leaves none.
HEAD_BYTES = 4096
_KEY_BYTES = 64
_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Packed weights, to be read alone; `made_here`: by this process; `mapping`: as `mapping_of` reads it back."""

    bytes_view: Bytes
    mapping: str
    made_here: bool


def find_or_pack(place: Place, key: str, pack: Callable[[], Bytes]) -> Packed:
    """Return the weights with the name `key` from `place`; where there are none yet, `pack` makes them.

    Raises:
        ModelError: the place holds others, or is too small.
    """
    with _lock(place.fd):
        made_here = _key_in(place) == ""
        if made_here:
            _write(place, key, pack())
    found = _key_in(place)
    if found != key:
        raise ModelError(f"the packed weights of this node are {found}, this instance's are {key}: they differ")
    size_bytes = int.from_bytes(os.pread(place.fd, _SIZE_BYTES, place.begin + _KEY_BYTES), sys.byteorder)
    store = map_readable(place.fd, place.begin, HEAD_BYTES + size_bytes)
    mapping = mapping_of(store.bytes_view.ctypes.data)
    return Packed(bytes_view=store.bytes_view[HEAD_BYTES:], mapping=mapping, made_here=made_here)


def mapping_of(address: int, maps: Path = Path("/proc/self/maps")) -> str:
    """Return permissions and file of the memory at `address`, such as ``r--s /memfd:pinbench-weights-0``.

    Raises:
        ModelError: nothing is mapped there.
    """
    for line in maps.read_text().splitlines():
        match = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \d+\s*(.*?)(?: \(deleted\))?$", line)
        if match is not None and int(match[1], 16) <= address < int(match[2], 16):
            return f"{match[3]} {match[4]}".rstrip()
    raise ModelError(f"nothing is mapped at {address:#x}, where the packed weights are to lie")


@contextmanager
def _lock(fd: int) -> Iterator[None]:
    # A record lock is its process's own; one of flock(2) would be that of the file as all have inherited it.
    fcntl.lockf(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(fd, fcntl.LOCK_UN)


def _key_in(place: Place) -> str:
    return os.pread(place.fd, _KEY_BYTES, place.begin).rstrip(b"\0").decode()


def _write(place: Place, key: str, packed: Bytes) -> None:
    assert len(key) <= _KEY_BYTES, "a key has the length of a digest"
    room_bytes = place.size_bytes - HEAD_BYTES
    if len(packed) > room_bytes:
        raise ModelError(
            f"the packed weights have {format_bytes(len(packed))}, the shared store has room for "
            f"{format_bytes(room_bytes)} of them"
        )
    # Written as to a file, so that no process ever has them mapped to be written.
    for part, offset in (
        (packed.tobytes(), HEAD_BYTES),
        (len(packed).to_bytes(_SIZE_BYTES, sys.byteorder), _KEY_BYTES),
        (key.encode().ljust(_KEY_BYTES, b"\0"), 0),
    ):
        if os.pwrite(place.fd, part, place.begin + offset) != len(part):
            raise ModelError(f"cannot share {format_bytes(len(packed))} of packed weights: the memory is full")
