"""Zip archives of uncompressed members: laid out before the data are there, and where the data of a member lie.

Written as `numpy.savez` does, to the byte: each local header has room for sizes of 64 bits, no member has a date.
Source: APPNOTE.TXT 6.3.10 (PKWARE), 4.3.7 local headers, 4.3.12 central directory, 4.3.14-16 its end, 4.5.3 Zip64.
"""

import struct
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.format.mapped_file import MappedFile

_LOCAL_BYTES = 30  # of a local header, without the name and the extra field
_ZIP64_BYTES = 20  # extra field with both sizes
_ZIP64_VERSION = 45
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_LIMIT = (1 << 31) - 1  # zipfile takes sizes and offsets beyond to the Zip64 fields
_FULL = (1 << 32) - 1  # says: see the Zip64 field
_FIRST_DATE = 1 << 5 | 1  # 1 January 1980
_MODE = 0o600 << 16


class Member(NamedTuple):
    """A file in the archive."""

    name: str
    size_bytes: int
    crc: int


def data_begins(names: Sequence[str], sizes_bytes: Sequence[int]) -> list[int]:
    """Return where the data of each member begin, and last where the members end."""
    begins, end = [], 0
    for name, size_bytes in zip(names, sizes_bytes, strict=True):
        begins.append(end + _LOCAL_BYTES + len(name) + _ZIP64_BYTES)
        end = begins[-1] + size_bytes
    return [*begins, end]


def local_header(member: Member) -> bytes:
    """Return what stands before the data of `member`."""
    info = zipfile.ZipInfo(member.name)
    info.file_size = info.compress_size = member.size_bytes
    info.CRC = member.crc
    return info.FileHeader(zip64=True)


def directory(members: Sequence[Member]) -> bytes:
    """Return what stands after the data of the last of `members`."""
    begins = data_begins([member.name for member in members], [member.size_bytes for member in members])
    entries = [
        _entry(member, begin - _LOCAL_BYTES - len(member.name) - _ZIP64_BYTES)
        for member, begin in zip(members, begins, strict=False)
    ]
    size, begin, count = sum(map(len, entries)), begins[-1], len(members)
    end = b""
    if begin > _LIMIT:
        end = _END64.pack(b"PK\6\6", _END64.size - 12, _ZIP64_VERSION, _ZIP64_VERSION, 0, 0, count, count, size, begin)
        end += _LOCATOR64.pack(b"PK\6\7", 0, begin + size, 1)
    end += _END.pack(b"PK\5\6", 0, 0, count, count, size, min(begin, _FULL), 0)
    return b"".join([*entries, end])


def member_ranges(file: MappedFile) -> dict[str, tuple[int, int]]:
    """Return where the data of each member of the archive `file` begin and end.

    Raises:
        DataError: it is damaged, or a member is compressed: that cannot be mapped.
    """
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{file.path} is damaged: {error}; copy it again") from error
    ranges = {}
    for info in members:
        if info.compress_type != zipfile.ZIP_STORED:
            raise DataError(
                f"{file.path}: {info.filename} is compressed and cannot be mapped; write it with numpy.savez"
            )
        begin = member_begin(file, info)
        ranges[info.filename] = (begin, begin + info.file_size)
    return ranges


def member_begin(file: MappedFile, info: zipfile.ZipInfo) -> int:
    """Return where the data of the member `info` of the archive `file` begin.

    Raises:
        DataError: the bytes are not those that were written.
    """
    header = file.read(info.header_offset, info.header_offset + _LOCAL_BYTES).tobytes()
    name_bytes, extra_bytes = struct.unpack_from("<2H", header, _LOCAL_BYTES - 4)
    return info.header_offset + _LOCAL_BYTES + int(name_bytes) + int(extra_bytes)


def _entry(member: Member, header_offset: int) -> bytes:
    wide = [member.size_bytes] * 2 if member.size_bytes > _LIMIT else []
    size = _FULL if wide else member.size_bytes
    if header_offset > _LIMIT:
        wide.append(header_offset)
        header_offset = _FULL
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    name = member.name.encode("ascii")
    versions = (_ZIP64_VERSION, 3, _ZIP64_VERSION, 0)  # 3: names and modes as in Unix
    fields = (0, zipfile.ZIP_STORED, 0, _FIRST_DATE, member.crc, size, size, len(name), len(extra), 0, 0, 0)
    return _CENTRAL.pack(b"PK\1\2", *versions, *fields, _MODE, header_offset) + name + extra
