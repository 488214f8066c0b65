import json

import pytest
from criteo_sets import TABLE_ROWS, flip, write_manifest, write_mlperf

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat, DescribeJob
from pinbench.worker.data.criteo.describe import describe, read_description
from pinbench.worker.data.criteo.description import FileState

BINARY = "terabyte_processed_test.bin"
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


def test_a_damaged_raw_file_is_named_and_the_others_are_shown(tmp_path, capsys):
    line = "\t".join(["1", *["7"] * 13, *["deadbeef"] * 26])
    (tmp_path / "day_0").write_text(f"{line}\n")
    (tmp_path / "day_1").write_text("1\t2\n")
    with pytest.raises(DataError, match=r"day_1, line 1: 2 fields where a row has 40"):
        describe(ordered(tmp_path))
    assert "day_0: rows not counted" in capsys.readouterr().out


def test_nothing_in_the_directory_is_no_description(tmp_path):
    with pytest.raises(DataError, match="holds no data set in a form that is known"):
        describe(ordered(tmp_path))
