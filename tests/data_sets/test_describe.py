import json
import os
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from criteo_jobs import do, raw_fields, write_raw
from criteo_sets import TABLE_ROWS, flip, write_manifest, write_mlperf

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat, DescribeJob, SynthesizeJob
from pinbench.worker.data.criteo import check_files, prepare
from pinbench.worker.data.criteo.describe import describe, read_description
from pinbench.worker.data.criteo.description import FileState
from pinbench.worker.data.criteo.format import mapped_file
from pinbench.worker.data.criteo.manifest import describe_files
from pinbench.worker.data.criteo.planted_file import read_planted
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthesize import synthesize

BINARY = "terabyte_processed_test.bin"
# Chunks that the readers of several splits compare: headers of arrays, and where one split ends and another begins.
OF_SEVERAL_SPLITS = {DataFormat.KAGGLE: 6, DataFormat.TORCHREC: 8, DataFormat.MULTIHOT: 53}
ROWS = 70_000  # of 160 bytes: a chunk of 65,536 rows and a short one


@pytest.fixture
def own(tmp_path):
    write_mlperf(tmp_path / "set", ROWS)
    write_manifest(tmp_path / "set", DataFormat.MLPERF, ROWS)
    return tmp_path / "set"


def states(found):
    return {file.name: file.state for file in found.files}


def ordered(directory, **changes):
    values = {"directory": str(directory), "head_rows": 2, "as_json": False, "verify": False}
    return DescribeJob(**(values | changes))


def test_a_set_with_a_manifest_is_described_whole(own):
    found = read_description(own, head_rows=2, verify=True)
    assert found.format is DataFormat.MLPERF
    assert found.table_rows == TABLE_ROWS
    assert found.size_bytes == sum(path.stat().st_size for path in own.iterdir() if path.name != "manifest.json")
    (split,) = found.splits
    assert (split.name, split.rows, split.labelled_rows, split.clicks) == ("test", ROWS, ROWS, 23_334)
    assert split.label_rate == 23_334 / 70_000
    assert split.head[1].label == 0
    assert split.head[1].dense == tuple(range(1, 14))
    assert split.head[1].sparse == tuple((1 + column) % rows for column, rows in enumerate(TABLE_ROWS))
    assert states(found) == {BINARY: FileState.GOOD, "day_fea_count.npz": FileState.GOOD}
    assert found.provenance.inputs[0].name == "day_0.gz"
    assert (found.provenance.seed, found.provenance.max_ind_range) == (7, 40_000_000)
    assert found.faults == ()


def test_without_verify_labels_are_those_of_a_sample_that_is_told(own):
    found = read_description(own, head_rows=0, verify=False)
    (split,) = found.splits
    assert (split.labelled_rows, split.head) == (16 * 4096, ())
    assert split.label_rate == pytest.approx(1 / 3, abs=1e-3)
    assert set(states(found).values()) == {FileState.UNCHECKED}


def test_damage_is_found_by_reading_and_named_with_its_bytes(own, capsys):
    flip(own / BINARY, 11_000_000)  # in the second chunk
    with pytest.raises(DataError, match=rf"{BINARY} is damaged within bytes 10485760 to 11200000.*; copy it again"):
        describe(ordered(own, verify=True))
    text = capsys.readouterr().out
    assert f"{BINARY}: 10.7 MiB, bad (is damaged within bytes 10485760 to 11200000)" in text
    assert "day_fea_count.npz" in text
    assert "FAULT: " in text


@pytest.mark.parametrize("form", [form for form in DataFormat if form is not DataFormat.TSV])
def test_each_byte_of_a_set_is_read_and_compared_once(tmp_path, monkeypatch, form):
    monkeypatch.setattr(prepare, "CHUNK_BYTES", 10_000)
    monkeypatch.setattr(prepare, "describe_files", partial(describe_files, chunk_bytes=10_000))
    raw = [write_raw(tmp_path / f"day_{day}", raw_fields(700, seed=day)) for day in range(2)]
    one_file = form in (DataFormat.WSF, DataFormat.KAGGLE)
    manifest = do(tmp_path / "set", raw[: 1 if one_file else 2], format=form, max_ind_range=max_range(form))
    compared, real_verify, real_pread = Counter(), mapped_file.verify_chunk, os.pread

    def verify(path, entry, begin_bytes, index, chunk):
        compared[path, index] += 1
        real_verify(path, entry, begin_bytes, index, chunk)

    def pread(handle, size, begin):
        compared[Path(f"/proc/self/fd/{handle}").readlink(), begin // 10_000] += 1
        return real_pread(handle, size, begin)

    monkeypatch.setattr(mapped_file, "verify_chunk", verify)
    monkeypatch.setattr(check_files.os, "pread", pread)
    found = read_description(tmp_path / "set", head_rows=3, verify=True)
    assert set(states(found).values()) == {FileState.GOOD}
    assert sum(split.labelled_rows for split in found.splits) == sum(given.rows for given in manifest.inputs)
    all_chunks = {
        (tmp_path / "set" / file.name, index) for file in manifest.files for index in range(len(file.chunk_sha256))
    }
    assert set(compared) == all_chunks
    assert len(all_chunks) > 14
    twice = [path.name for (path, _), times in compared.items() if times > 1 and "fea_count" not in path.name]
    assert len(twice) == OF_SEVERAL_SPLITS.get(form, 0), twice


def max_range(form):
    return None if form is DataFormat.NVIDIA else 1000


def test_damage_after_what_was_read_for_the_rows_is_found_too(tmp_path):
    """A member of the archive that no row is read from, behind those that are."""
    raw = write_raw(tmp_path / "train.txt", raw_fields(1000))
    do(tmp_path / "set", [raw], format=DataFormat.KAGGLE)
    archive = tmp_path / "set/kaggleAdDisplayChallenge_processed.npz"
    flip(archive, archive.stat().st_size - 30)  # of the directory of the zip file
    with pytest.raises(DataError, match="is damaged"):
        describe(ordered(tmp_path / "set", verify=True))


def test_a_file_of_another_size_and_a_missing_one_are_bad_without_reading(own):
    with (own / BINARY).open("r+b") as file:
        file.truncate(160 * 60_000)
    (own / "day_fea_count.npz").unlink()
    found = read_description(own, head_rows=1, verify=False)
    assert states(found) == {BINARY: FileState.BAD, "day_fea_count.npz": FileState.BAD}
    assert f"{own / BINARY} has 9600000 bytes, but 11200000 bytes were written; copy it again" in found.faults
    assert f"{own / 'day_fea_count.npz'} is missing; copy it again" in found.faults


def test_a_set_without_a_manifest_says_so(tmp_path, capsys):
    found = describe(ordered(write_mlperf(tmp_path / "set", 100)))
    assert found.provenance is None
    assert found.splits[0].rows == 100
    assert set(states(found).values()) == {FileState.UNCHECKED}
    text = capsys.readouterr().out
    assert "no manifest: where it comes from is not known" in text
    assert "test: 100 rows, label rate 34.0000 % of all rows" in text


def test_the_text_tells_where_the_rows_come_from(own, capsys):
    describe(ordered(own))
    text = capsys.readouterr().out
    assert "made by pinbench 0.1.0, engine local: order input, seed 7, categories modulo 40,000,000, split test" in text
    assert "from day_0.gz: 70,000 rows, 12.1 KiB" in text
    assert "repaired: 1 byte-order marks, 2 lines with CR LF" in text
    assert "test: 70,000 rows, label rate 33.33" in text
    assert "row 1: label 0\n    integers   1 2 3" in text
    assert "FAULT" not in text


def test_the_json_has_the_same_and_can_be_read_back(own, capsys):
    describe(ordered(own, as_json=True, head_rows=1, verify=True))
    content = json.loads(capsys.readouterr().out)
    assert content["format"] == "mlperf"
    assert content["splits"][0]["rows"] == ROWS
    assert content["splits"][0]["label_rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert content["splits"][0]["head"][0]["sparse"] == [column % rows for column, rows in enumerate(TABLE_ROWS)]
    assert [file["state"] for file in content["files"]] == ["good", "good"]
    assert content["provenance"]["repairs"] == {"byte_order_marks": 1, "carriage_returns": 2}


def test_a_planted_auc_is_told(own, capsys):
    write_manifest(own, DataFormat.MLPERF, ROWS, planted_auc=0.8025)
    describe(ordered(own))
    assert "the law that their labels follow reaches an AUC of 0.802500" in capsys.readouterr().out


def test_raw_rows_are_shown_as_they_stand(tmp_path, capsys):
    line = "\t".join(["1", "", *["7"] * 12, *["deadbeef"] * 25, ""])
    (tmp_path / "day_0").write_text(f"{line}\n")
    describe(ordered(tmp_path))
    text = capsys.readouterr().out
    assert f"{tmp_path}: tsv" in text
    assert "rows not counted (--verify counts them)" in text
    assert "integers   - 7 7" in text
    assert "categories deadbeef" in text
    describe(ordered(tmp_path, verify=True))
    assert "day_0: 1 rows, label rate 100.0000 % of all rows" in capsys.readouterr().out


@pytest.fixture
def made_up(tmp_path):
    synthesize(
        SynthesizeJob(
            dataset="criteo", format=DataFormat.TSV, output=str(tmp_path / "raw"), days=2, rows=300, seed=3,
            max_ind_range=None, table_rows=(50,) * 26, gzip=False, threads=1, force=False, restart=False,
        ),
        Progress(say=lambda line: None),
    )  # fmt: skip
    return tmp_path / "raw"


def test_made_up_raw_rows_are_described_by_what_is_known_of_them(made_up, capsys):
    text = [(made_up / f"day_{day}").read_text().splitlines() for day in range(2)]
    clicks = [sum(line.startswith("1") for line in lines) for lines in text]
    found = describe(ordered(made_up, head_rows=1))
    facts = read_planted(made_up)
    assert found.planted == facts
    assert [(split.rows, split.labelled_rows, split.clicks) for split in found.splits] == [
        (300, 300, clicks[0]), (300, 300, clicks[1]),
    ]  # fmt: skip
    said = capsys.readouterr().out
    share = f"{sum(clicks) / 6:.4f} % clicks"
    assert f"made up by pinbench data synthetic, seed 3: 600 rows in 2 files, {share}, 3.3" in said
    assert f"that law reaches an AUC of {facts.auc:.6f} (standard error 0.000" in said
    assert "values that each category column can have (1,300 in all):" in said
    assert f"day_1: 300 rows, label rate {clicks[1] / 3:.4f} % of all rows\n  row 0: label {text[1][0][0]}\n" in said
    assert "no manifest" not in said
    describe(ordered(made_up, as_json=True))
    shown = json.loads(capsys.readouterr().out)
    assert (shown["planted"]["auc"], shown["splits"][0]["rows"]) == (facts.auc, 300)
    assert describe(ordered(made_up / "day_1", verify=True)).planted == facts


@pytest.mark.parametrize("verify", [False, True])
def test_made_up_rows_that_are_not_those_that_were_written_are_named(made_up, verify):
    day = made_up / "day_1"
    day.write_bytes(day.read_bytes() + day.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(
        DataError, match=r"day_1 has \d+ bytes, but \d+ were written \(see planted.json\); make it again"
    ):
        describe(ordered(made_up, verify=verify))


def test_another_label_in_made_up_rows_is_found_by_counting(made_up):
    day = made_up / "day_0"
    data = bytearray(day.read_bytes())
    data[0] ^= 1
    day.write_bytes(data)
    describe(ordered(made_up))
    with pytest.raises(DataError, match=r"day_0 has 300 rows and \d+ clicks, but 300 and \d+ were written"):
        describe(ordered(made_up, verify=True))


def test_a_real_file_beside_made_up_ones_is_none_of_them(made_up, tmp_path):
    write_raw(made_up / "day_7", raw_fields(5))
    found = describe(ordered(made_up, head_rows=1))
    assert [split.rows for split in found.splits] == [300, 300, None]
    assert describe(ordered(made_up / "day_7")).planted is None


def test_a_damaged_raw_file_is_named_and_the_others_are_shown(tmp_path, capsys):
    line = "\t".join(["1", *["7"] * 13, *["deadbeef"] * 26])
    (tmp_path / "day_0").write_text(f"{line}\n")
    (tmp_path / "day_1").write_text("1\t2\n")
    with pytest.raises(DataError, match=r"day_1, line 1: 2 tab-separated fields instead of 40"):
        describe(ordered(tmp_path))
    assert "day_0: rows not counted" in capsys.readouterr().out


def test_nothing_in_the_directory_is_no_description(tmp_path):
    with pytest.raises(DataError, match="holds no data set in a form that is known"):
        describe(ordered(tmp_path))
