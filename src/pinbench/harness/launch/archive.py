"""Unpacks the archive that came out of a container: nothing outside its folder, nothing torn under a whole name."""

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from pinbench.base.errors import LaunchError

LAST = "status"  # the member that is written when all others are


def unpack(archive: Path, folder: Path) -> bool:
    """Unpack files and folders of the tar file `archive` into `folder`; return whether it was whole.

    Of a torn one, the files that are complete are there.

    Raises:
        LaunchError: a member is a link or a device, or its name leads out of `folder`; or the disk is full.
    """
    last = None
    try:
        with tarfile.open(archive, "r|") as members:
            for member in members:
                target = folder / _inside(member)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                _write(members, member, target)
                last = member.name
    except (tarfile.ReadError, EOFError):
        return False
    except OSError as error:
        raise LaunchError(f"cannot unpack {archive} into {folder}: {error.strerror or error}") from error
    return last == LAST


def _inside(member: tarfile.TarInfo) -> PurePosixPath:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        raise LaunchError(f"the archive of the container holds {member.name!r}, which is no file of a log directory")
    return name


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = members.extractfile(member)
    assert content is not None, "a regular file has content"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(content, file)
        if part.stat().st_size != member.size:
            raise EOFError
        part.chmod(0o755 if member.mode & 0o100 else 0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
