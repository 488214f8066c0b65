"""A torchsnapshot folder: a manifest of tensors, and their numbers in files beside it, in shards of several ranks.

Read without the package, and without running anything in it: the manifest (``.snapshot_metadata``, JSON or YAML) names
for each tensor a file, a place in it, a type and a shape; the numbers lie there raw, little-endian. What the folder
says is not trusted: a file must lie in it, and hold as many bytes as the shape takes. Pickles are refused.
Source: pytorch/torchsnapshot, manifest.py and docs, "snapshot layout".

R rows, D columns.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor

from pinbench.base.errors import ModelError
from pinbench.worker.models.mapped_pages import drop_pages

MANIFEST = ".snapshot_metadata"

_MOST_MANIFEST_BYTES = 1 << 26  # that of MLPerf's model, of 26 tables in 16 shards each, has less than one MiB
_TYPES = {f"torch.{name}": getattr(torch, name) for name in ("float32", "float16", "bfloat16", "float64")}
_RAW = "buffer_protocol"
_SHARDS = {"ShardedTensor": "shards", "ChunkedTensor": "chunks"}  # kinds of several parts, and their key
_CONTAINERS = ("dict", "OrderedDict", "list", "DictEntry")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some rows and columns of a tensor, mapped."""

    row: int
    column: int
    rows: int
    columns: int
    dtype: torch.dtype
    bytes_view: npt.NDArray[np.uint8]

    def read(self, begin: int, end: int) -> Tensor:
        """Return its own rows `begin` to `end`, float32, copied: a part may begin at any byte."""
        row_bytes = self.columns * self.dtype.itemsize
        copied = self.bytes_view[begin * row_bytes : end * row_bytes].copy()
        return torch.from_numpy(copied).view(self.dtype).view(end - begin, self.columns).float()


class SnapshotTensor:
    """A tensor of one or two dimensions, of parts that cover it; nothing is read before it is asked for."""

    def __init__(self, shape: tuple[int, ...], parts: tuple[_Part, ...]) -> None:
        self.shape = shape
        self._parts = parts

    def rows(self, begin: int, end: int) -> Tensor:
        """Return rows `begin` to `end`, float32."""
        columns = self.shape[1] if len(self.shape) == 2 else 1
        found = torch.empty(end - begin, columns)
        for part in self._parts:
            first, last = max(begin, part.row), min(end, part.row + part.rows)
            if first < last:
                read = part.read(first - part.row, last - part.row)
                found[first - begin : last - begin, part.column : part.column + part.columns] = read
        return found.view(end - begin, *self.shape[1:])

    def whole(self) -> Tensor:
        """Return all of it, float32."""
        return self.rows(0, self.shape[0])

    def forget(self) -> None:
        """Give back the pages that reading has brought into memory."""
        for part in self._parts:
            drop_pages(torch.from_numpy(part.bytes_view))


def read_snapshot(folder: Path, parameter: str = "CHECKPOINT") -> dict[str, SnapshotTensor]:
    """Return the tensors of all ranks by their names, those of one name put together.

    Raises:
        ModelError: there is no manifest, or it is not whole, or a tensor is not there as it says.
    """
    return _Folder(folder, parameter).tensors()


class _Folder:
    def __init__(self, folder: Path, parameter: str) -> None:
        self._folder = folder
        self._place = f"{parameter}={folder}"
        self._maps: dict[Path, npt.NDArray[np.uint8]] = {}

    def tensors(self) -> dict[str, SnapshotTensor]:
        entries: dict[str, list[Mapping[str, object]]] = {}
        for key, entry in self._manifest().items():
            # "<rank>/<what was saved>/<name>", in names "/" and "%" are written as %2F and %25
            _, _, name = (*str(key).split("/", 2), "", "")[:3]
            kind = entry.get("type") if isinstance(entry, dict) else None
            if name and kind not in _CONTAINERS and isinstance(entry, dict):
                entries.setdefault(unquote(name), []).append(entry)
        if not entries:
            raise self._fault("its manifest names no tensor")
        return {name: self._tensor(name, found) for name, found in entries.items()}

    def _manifest(self) -> Mapping[str, object]:
        path = self._folder / MANIFEST
        if not path.is_file():
            raise ModelError(
                f"{self._place} holds no {MANIFEST}, so it is no torchsnapshot; name the folder that has it, or a file "
                "of torch.save"
            )
        if path.stat().st_size > _MOST_MANIFEST_BYTES:
            raise self._fault(f"{MANIFEST} has more than {_MOST_MANIFEST_BYTES >> 20} MiB, which no manifest takes")
        try:
            content = _parsed(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise self._fault(f"{MANIFEST} is neither JSON nor YAML, or is cut short") from error
        manifest = content.get("manifest") if isinstance(content, dict) else None
        if not isinstance(manifest, dict):
            raise self._fault(f"{MANIFEST} has no manifest")
        return manifest

    def _tensor(self, name: str, entries: list[Mapping[str, object]]) -> SnapshotTensor:
        kinds = {str(entry.get("type")) for entry in entries}
        if kinds == {"Tensor"}:  # the same on each rank that has it
            shape = self._sizes(name, entries[0].get("shape"))
            part = self._part(name, [0] * len(shape), shape, entries[0])
            return SnapshotTensor(shape, (part,))
        if len(kinds) != 1 or not kinds <= set(_SHARDS):
            raise self._fault(f"{name} is of the kind {' and '.join(sorted(kinds))}; expected tensors alone")
        shards = self._shards(name, entries, _SHARDS[kinds.pop()])
        shape = tuple(max(o + s for o, s in zip(*ends, strict=True)) for ends in _by_dimension(shards))
        parts = tuple(self._part(name, list(offsets), sizes, tensor) for (offsets, sizes), tensor in shards.items())
        self._require_cover(name, shape, parts)
        return SnapshotTensor(shape, parts)

    def _shards(
        self, name: str, entries: list[Mapping[str, object]], key: str
    ) -> dict[tuple[tuple[int, ...], tuple[int, ...]], Mapping[str, object]]:
        """Return where each shard lies, the same one of several ranks once."""
        shards = {}
        for entry in entries:
            listed = entry.get(key)
            if not isinstance(listed, list) or not all(isinstance(shard, dict) for shard in listed):
                raise self._fault(f"{name} has no list of {key}")
            for shard in listed:
                sizes = self._sizes(name, shard.get("sizes"))
                offsets = self._sizes(name, shard.get("offsets"))
                if len(offsets) != len(sizes) or not isinstance(shard.get("tensor"), dict):
                    raise self._fault(f"{name} has a shard without offsets, sizes and tensor")
                shards[offsets, sizes] = shard["tensor"]
        if not shards or len({len(offsets) for offsets, _ in shards}) != 1:
            raise self._fault(f"{name} has no shards, or some of another number of dimensions")
        return shards

    def _part(self, name: str, offsets: list[int], sizes: tuple[int, ...], tensor: Mapping[str, object]) -> _Part:
        dtype = _TYPES.get(str(tensor.get("dtype")))
        if dtype is None or tensor.get("serializer") != _RAW:
            raise self._fault(
                f"{name} is {tensor.get('dtype')} written by {tensor.get('serializer')}; expected "
                f"{', '.join(_TYPES)} written by {_RAW}"
            )
        if self._sizes(name, tensor.get("shape")) != sizes or not 1 <= len(sizes) <= 2:
            raise self._fault(f"{name} has a part of shape {tensor.get('shape')}, where {list(sizes)} lies")
        size_bytes = math.prod(sizes) * dtype.itemsize
        columns = sizes[1] if len(sizes) == 2 else 1
        return _Part(
            row=offsets[0], column=offsets[1] if len(sizes) == 2 else 0, rows=sizes[0], columns=columns, dtype=dtype,
            bytes_view=self._bytes(name, str(tensor.get("location")), tensor.get("byte_range"), size_bytes),
        )  # fmt: skip

    def _bytes(self, name: str, location: str, byte_range: object, size_bytes: int) -> npt.NDArray[np.uint8]:
        content = self._mapped(name, location)
        begin, end = (0, len(content)) if byte_range is None else self._range(name, byte_range)
        if end > len(content) or end - begin != size_bytes:
            raise self._fault(
                f"{name} takes {size_bytes} bytes, its part is {begin} to {end} of {location}, which has "
                f"{len(content)}; copy the folder again"
            )
        return content[begin:end]

    def _mapped(self, name: str, location: str) -> npt.NDArray[np.uint8]:
        root = self._folder.resolve()
        path = (root / location).resolve()
        if not path.is_relative_to(root) or path == root:
            raise self._fault(f"{name} is said to lie in {location!r}, outside of the folder")
        if path not in self._maps:
            try:
                # Copy on write, so that nothing here can change the file, and torch takes it for writable.
                self._maps[path] = np.memmap(path, np.uint8, "c") if path.stat().st_size else np.empty(0, np.uint8)
            except OSError as error:
                raise self._fault(f"{name} lies in {location}: {error.strerror}; copy the folder again") from error
        return self._maps[path]

    def _range(self, name: str, byte_range: object) -> tuple[int, int]:
        if isinstance(byte_range, list) and len(byte_range) == 2 and all(_is_size(place) for place in byte_range):
            return byte_range[0], byte_range[1]
        raise self._fault(f"{name} has a byte_range of {byte_range!r}, expected two places")

    def _sizes(self, name: str, sizes: object) -> tuple[int, ...]:
        if isinstance(sizes, list) and all(_is_size(size) for size in sizes):
            return tuple(sizes)
        raise self._fault(f"{name} has {sizes!r} where sizes are expected")

    def _require_cover(self, name: str, shape: tuple[int, ...], parts: tuple[_Part, ...]) -> None:
        ordered = sorted(parts, key=lambda part: (part.row, part.column))
        overlap = any(_meet(one, other) for place, one in enumerate(ordered) for other in ordered[place + 1 :])
        held = sum(part.rows * part.columns for part in parts)
        if overlap or held != math.prod(shape):
            raise self._fault(
                f"{name} has shards of {held} numbers{', some of them twice,' if overlap else ''} for {list(shape)}; "
                "the shards of some rank are missing"
            )

    def _fault(self, reason: str) -> ModelError:
        return ModelError(f"{self._place} cannot be read as a torchsnapshot: {reason}")


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # earlier versions wrote YAML
        return yaml.safe_load(text)


def _by_dimension(
    shards: Mapping[tuple[tuple[int, ...], tuple[int, ...]], object],
) -> Iterator[tuple[list[int], list[int]]]:
    offsets, sizes = zip(*shards, strict=True)
    for dimension in range(len(offsets[0])):
        yield [offset[dimension] for offset in offsets], [size[dimension] for size in sizes]


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _meet(one: _Part, other: _Part) -> bool:
    return (
        one.row < other.row + other.rows
        and other.row < one.row + one.rows
        and one.column < other.column + other.columns
        and other.column < one.column + one.columns
    )
