import io
import tarfile

import pytest

from pinbench.base.errors import LaunchError
from pinbench.harness.launch.archive import unpack


def make(path, *members):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content not in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE):
                info.size, info.mode = len(content), 0o755 if name.endswith(".sh") else 0o644
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content, "/etc/passwd"
                archive.addfile(info)
    return path


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_archive_is_unpacked_and_known_as_whole(tmp_path):
    archive = make(tmp_path / "a.tar", ("itr-1", tarfile.DIRTYPE), ("itr-1/kpi.sh", b"x"), ("status", b"0\n"))
    assert unpack(archive, tmp_path / "out")
    assert files(tmp_path / "out") == {"itr-1/kpi.sh": b"x", "status": b"0\n"}
    assert (tmp_path / "out/itr-1/kpi.sh").stat().st_mode & 0o777 == 0o755


def test_an_archive_without_its_last_member_is_not_whole(tmp_path):
    archive = make(tmp_path / "a.tar", ("record.json", b"{}"))
    assert not unpack(archive, tmp_path / "out")
    assert files(tmp_path / "out") == {"record.json": b"{}"}


@pytest.mark.parametrize("kept", [0, 100, 512 + 100, 512 + 512 + 512 + 1000])
def test_of_a_torn_archive_only_whole_files_are_there(tmp_path, kept):
    archive = make(tmp_path / "a.tar", ("first", b"a" * 500), ("second", b"b" * 3000), ("status", b"0\n"))
    archive.write_bytes(archive.read_bytes()[:kept])
    assert not unpack(archive, tmp_path / "out")
    assert files(tmp_path / "out") == ({"first": b"a" * 500} if kept > 1024 else {})


@pytest.mark.parametrize(
    ("name", "content"),
    [("../out", b"x"), ("/etc/x", b"x"), ("a/../../b", b"x"), ("link", tarfile.SYMTYPE), ("null", tarfile.CHRTYPE)],
)
def test_nothing_leads_out_of_the_folder(tmp_path, name, content):
    archive = make(tmp_path / "a.tar", (name, content), ("status", b"0\n"))
    with pytest.raises(LaunchError, match="which is no file of a log directory"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
