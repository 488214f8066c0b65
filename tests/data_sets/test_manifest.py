import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from criteo_jobs import do, raw_fields, write_raw

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.manifest import describe_files, entry_of, read_manifest, verify_chunk, verify_small


def by_hand(data, chunk_bytes):
    chunks = [hashlib.sha256(data[begin : begin + chunk_bytes]) for begin in range(0, len(data), chunk_bytes)]
    return hashlib.sha256(b"".join(chunk.digest() for chunk in chunks)).hexdigest(), [c.hexdigest() for c in chunks]


@pytest.mark.parametrize("size_bytes", [0, 1, 99, 100, 101, 1600, 1601, 5000])
@pytest.mark.parametrize("threads", [1, 3])
def test_digests_are_those_of_the_chunks_and_of_their_digests(tmp_path, size_bytes, threads):
    data = bytes(number * 31 % 251 for number in range(size_bytes))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.bin").write_bytes(data)
    (tmp_path / "b").write_bytes(b"other")
    files = [(Path("deep/a.bin"), 7), (Path("b"), None)]
    first, second = describe_files(tmp_path, files, threads, chunk_bytes=100)
    assert (first.name, first.size_bytes, first.rows) == ("deep/a.bin", size_bytes, 7)
    assert (first.sha256, list(first.chunk_sha256)) == by_hand(data, 100)
    assert (second.name, second.rows, second.sha256) == ("b", None, by_hand(b"other", 100)[0])


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone: No such file or directory"):
        describe_files(tmp_path, [(Path("gone"), None)], 1)


@pytest.fixture
def made(tmp_path):
    do(tmp_path / "set", [write_raw(tmp_path / "raw", raw_fields(100))])
    return tmp_path / "set", read_manifest(tmp_path / "set")


def test_what_is_written_is_read_back(made):
    directory, manifest = made
    assert [file.name for file in manifest.files] == [
        "terabyte_processed_test.bin",
        "day_day_count.npz",
        "day_fea_count.npz",
    ]
    for file in manifest.files:
        assert entry_of(manifest, file.name) == file
        verify_small(directory / file.name, manifest, file)


def test_no_manifest_is_none(tmp_path):
    assert read_manifest(tmp_path) is None


def test_digests_that_do_not_belong_together_are_refused(made):
    _, manifest = made
    first = manifest.files[0]
    for wrong in (replace(first, sha256="0" * 64), replace(first, chunk_sha256=()), replace(first, size_bytes=1 << 30)):
        with pytest.raises(DataError, match=r"damaged: the chunks of terabyte_processed_test\.bin"):
            entry_of(replace(manifest, files=(wrong,)), first.name)


def test_a_changed_chunk_is_named_by_its_bytes(made):
    directory, manifest = made
    entry = manifest.files[0]
    data = (directory / entry.name).read_bytes()
    verify_chunk(directory / entry.name, entry, 0, 0, data)
    with pytest.raises(DataError, match=r"test\.bin is damaged within bytes 0 to 16000"):
        verify_chunk(directory / entry.name, entry, 0, 0, bytes([data[0] ^ 1]) + data[1:])
