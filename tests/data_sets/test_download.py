"""Against a server on the loopback interface that can be told to misbehave."""

import hashlib
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import DATA, Handler, serving

from pinbench.base.errors import DataError
from pinbench.contract.data import Download, DownloadJob
from pinbench.worker.data import transfer
from pinbench.worker.data.download import download

DIGEST = hashlib.sha256(DATA).hexdigest()
PAGE = "https://publisher.example/data"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        yield server


def fetch(server, folder, sha256=None, url=None, pauses=None):
    said = []
    file = Download(url=url or server.url, sha256=sha256, name="day_0.gz", page=PAGE)
    job = DownloadJob(files=(file,), output=str(folder))
    download(job, said.append, (pauses if pauses is not None else []).append)
    return said


def test_a_file_without_a_known_digest_gets_one_beside_it_and_the_line_says_so(server, tmp_path):
    (said,) = fetch(server, tmp_path)
    assert said == f"{tmp_path}/day_0.gz: 2.4 MiB, sha256 {DIGEST}, not verified against a published digest"
    assert (tmp_path / "day_0.gz").read_bytes() == DATA
    assert (tmp_path / "day_0.gz.sha256").read_text() == f"{DIGEST}  day_0.gz\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day_0.gz", "day_0.gz.sha256"]


def test_a_given_digest_is_compared(server, tmp_path):
    (said,) = fetch(server, tmp_path, sha256=DIGEST)
    assert said.endswith(", as given")


def test_a_wrong_digest_sets_the_file_aside(server, tmp_path):
    with pytest.raises(DataError, match=f"has the sha256 {DIGEST}, not {'0' * 64}; it is kept as .*day_0.gz.bad"):
        fetch(server, tmp_path, sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["day_0.gz.bad"]


def test_what_is_there_and_whole_is_not_fetched_again(server, tmp_path):
    fetch(server, tmp_path)
    asked = len(server.ranges)
    assert fetch(server, tmp_path) == [f"{tmp_path}/day_0.gz is there already, sha256 {DIGEST}"]
    assert fetch(server, tmp_path, sha256=DIGEST) == [f"{tmp_path}/day_0.gz is there already, sha256 {DIGEST}"]
    assert len(server.ranges) == asked


@pytest.mark.parametrize(
    ("digest", "complaint"),
    [(None, "nothing says whether it is whole"), (DIGEST, f"exists with the sha256 .*, not {DIGEST}; move it away")],
)
def test_a_file_that_is_there_and_not_known_to_be_whole_is_left_alone(server, tmp_path, digest, complaint):
    (tmp_path / "day_0.gz").write_bytes(DATA[:1000])
    with pytest.raises(DataError, match=complaint):
        fetch(server, tmp_path, sha256=digest)
    assert (tmp_path / "day_0.gz").stat().st_size == 1000
    assert server.ranges == []


def test_an_answer_that_ends_early_is_gone_on_with(server, tmp_path):
    server.cut_bytes = [1_500_000, 1_000_000]
    pauses = []
    said = fetch(server, tmp_path, pauses=pauses)
    assert said[0] == "day_0.gz: ended after 1.4 MiB of 2.4 MiB; trying again"
    assert server.ranges == [None, "bytes=1500000-", "bytes=2500000-"]
    assert pauses == [1.0, 1.0]
    assert (tmp_path / "day_0.gz.sha256").read_text().startswith(DIGEST)


def test_a_later_command_goes_on_from_what_is_there(server, tmp_path):
    server.cut_bytes = [1_500_000, 0, 0, 0]
    with pytest.raises(DataError, match=r"ended after 1.4 MiB of 2.4 MiB; 1.4 MiB of it are kept"):
        fetch(server, tmp_path)
    assert not (tmp_path / "day_0.gz").exists()
    server.ranges = []
    fetch(server, tmp_path, sha256=DIGEST)
    assert server.ranges == ["bytes=1500000-"]
    assert (tmp_path / "day_0.gz").read_bytes() == DATA


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server, tmp_path):
    server.cut_bytes = [1_500_000, 0, 0, 0]
    with pytest.raises(DataError):
        fetch(server, tmp_path)
    server.data, server.etag = DATA[::-1], '"two"'
    fetch(server, tmp_path)
    assert (tmp_path / "day_0.gz").read_bytes() == DATA[::-1]


@pytest.mark.parametrize("way", ["no ranges", "no validator", "another address"])
def test_what_cannot_be_gone_on_with_is_fetched_from_its_beginning(server, tmp_path, way):
    if way == "no validator":
        server.etag = None
    server.cut_bytes = [1_500_000, 0, 0, 0]
    with pytest.raises(DataError):
        fetch(server, tmp_path)
    server.knows_ranges = way != "no ranges"
    fetch(server, tmp_path, url=f"{server.url}?2" if way == "another address" else None)
    assert (tmp_path / "day_0.gz").read_bytes() == DATA


def test_a_part_longer_than_the_servers_file_is_dropped(server, tmp_path):
    server.cut_bytes = [1_500_000, 0, 0, 0]
    with pytest.raises(DataError):
        fetch(server, tmp_path)
    server.codes = [416]
    said = fetch(server, tmp_path)
    assert "a shorter file than the part that is here" in said[0]
    assert (tmp_path / "day_0.gz").read_bytes() == DATA


def test_a_file_that_is_not_there_names_where_to_look(server, tmp_path):
    server.codes = [404]
    with pytest.raises(DataError, match=r"answers 404 Not Found; look up where .*publisher\.example.* with --url"):
        fetch(server, tmp_path)
    assert not (tmp_path / "day_0.gz").exists()


def test_a_busy_server_is_asked_again_four_times_in_all(server, tmp_path):
    server.codes = [503] * 9
    pauses = []
    with pytest.raises(DataError, match="answers 503 Service Unavailable"):
        fetch(server, tmp_path, pauses=pauses)
    assert pauses == [1.0, 5.0, 25.0]
    assert server.ranges == [None] * 4


def test_a_server_that_cannot_be_reached_is_one_line(tmp_path, server):
    with pytest.raises(DataError, match=r"cannot be reached: Connection refused; check the address, the network"):
        fetch(server, tmp_path, url="http://127.0.0.1:1/day_0.gz")


def test_a_server_that_falls_silent_is_one_line(tmp_path, server, monkeypatch):
    monkeypatch.setattr(transfer, "_TIMEOUT_S", 0.05)
    held = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda handler: held.wait(timeout=10))
    try:
        with pytest.raises(DataError, match="cannot be reached: timed out"):
            fetch(server, tmp_path)
    finally:
        held.set()


def test_an_answer_without_an_end_needs_a_digest(server, tmp_path):
    server.says_length = False
    with pytest.raises(DataError, match="does not say how large the file is; give its digest with --sha256"):
        fetch(server, tmp_path)
    fetch(server, tmp_path, sha256=DIGEST)
    assert (tmp_path / "day_0.gz").read_bytes() == DATA


def test_too_little_space_is_refused_before_the_first_byte(server, tmp_path, monkeypatch):
    usage = transfer.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: usage._replace(free=1 << 20))
    with pytest.raises(DataError, match=r"too little space in .*: 2.4 MiB needed, 1.0 MiB free"):
        fetch(server, tmp_path)
    assert (tmp_path / ".day_0.gz.part").stat().st_size == 0


def test_a_disk_that_fills_up_keeps_what_is_known_to_be_good(server, tmp_path):
    # A limit on the size of files stands for a full disk; it would end this process's own files, too.
    code = (
        "import resource, sys\n"
        "from pinbench.contract.data import Download, DownloadJob\n"
        "from pinbench.worker.data.download import download\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))\n"
        f"file = Download(url={server.url!r}, sha256=None, name='day_0.gz', page='')\n"
        f"download(DownloadJob(files=(file,), output={str(tmp_path)!r}))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "DataError: cannot write" in done.stderr
    assert "File too large; what came so far is kept" in done.stderr
    assert (tmp_path / ".day_0.gz.part").stat().st_size == 1 << 20
    fetch(server, tmp_path)
    assert server.ranges[-1] == "bytes=1048576-"
    assert (tmp_path / "day_0.gz").read_bytes() == DATA


def test_two_processes_do_not_fetch_one_file(server, tmp_path):
    def second(pause_s):
        with pytest.raises(DataError, match="another process is fetching"):
            fetch(server, tmp_path)

    server.cut_bytes = [1000]
    file = Download(url=server.url, sha256=None, name="day_0.gz", page=PAGE)
    download(DownloadJob(files=(file,), output=str(tmp_path)), lambda line: None, second)
    assert (tmp_path / "day_0.gz").read_bytes() == DATA


def test_several_files_come_one_after_the_other(server, tmp_path):
    file = Download(url=server.url, sha256=DIGEST, name="day_0.gz", page=PAGE)
    job = DownloadJob(files=(file, replace(file, name="day_1.gz")), output=str(tmp_path / "new"))
    download(job, lambda line: None)
    assert sorted(path.name for path in (tmp_path / "new").glob("*.gz")) == ["day_0.gz", "day_1.gz"]
