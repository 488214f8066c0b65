import json

import pytest
from records import DATA, make_record, ok, recorded_runs

from pinbench.base.errors import RecordError
from pinbench.contract.result import Status
from pinbench.harness.record.schema import read_record, write_record


def test_a_record_reads_back_as_it_was_written(tmp_path):
    record = make_record(ok(0, steps=50), ok(1, steps=51))
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json") == record


def test_a_record_with_accuracy_reads_back_as_it_was_written(tmp_path):
    record = recorded_runs()["accuracy"]
    write_record(tmp_path / "record.json", record)
    found = read_record(tmp_path / "record.json")
    assert found == record
    assert found.results[0].accuracy.fp32.fp32_auc == 0.80275


def test_step_times_stand_on_one_line_and_other_fields_on_their_own(tmp_path):
    write_record(tmp_path / "record.json", make_record(ok(0, steps=1000)))
    lines = (tmp_path / "record.json").read_text().splitlines()
    assert len(lines) < 400
    assert sum('"step_ns": [10000000, 10000000' in line for line in lines) == 1


def test_text_that_looks_like_a_list_of_numbers_is_kept(tmp_path):
    record = make_record(failure="[\n 1,\n 2\n]", status=Status.FAILED)
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json").failure == "[\n 1,\n 2\n]"


@pytest.mark.parametrize("name", ["good", "latency", "accuracy", "instance_dead", "no_overlap", "wrong_isa"])
def test_a_recorded_run_of_schema_1_is_still_read(name):
    assert read_record(DATA / "records" / "v1" / f"{name}.json").schema == 1


def test_another_schema_version_is_refused_by_its_number(tmp_path):
    data = json.loads((DATA / "records" / "v1" / "good.json").read_text())
    (tmp_path / "record.json").write_text(json.dumps({**data, "schema": 7}))
    with pytest.raises(RecordError, match="has schema 7, this pinbench reads 1"):
        read_record(tmp_path / "record.json")


def test_a_record_that_was_cut_short_is_refused_in_one_line(tmp_path):
    text = (DATA / "records" / "v1" / "good.json").read_text()
    (tmp_path / "record.json").write_text(text[: len(text) // 2])
    with pytest.raises(RecordError, match=r"record\.json is not JSON") as error:
        read_record(tmp_path / "record.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[]", "{}", "7", "null"])
def test_json_that_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(RecordError, match="is not a record"):
        read_record(tmp_path / "record.json")


def test_a_record_with_a_missing_field_is_refused_by_its_place(tmp_path):
    data = json.loads((DATA / "records" / "v1" / "good.json").read_text())
    del data["results"][1]["index"]
    (tmp_path / "record.json").write_text(json.dumps(data))
    with pytest.raises(RecordError, match=r"results\[1\]: field 'index' is missing"):
        read_record(tmp_path / "record.json")


def test_a_key_that_should_be_a_number_and_is_not_is_refused(tmp_path):
    data = json.loads((DATA / "records" / "v1" / "good.json").read_text())
    data["results"][0]["placement"]["node_pages"] = {"zero": 4}
    (tmp_path / "record.json").write_text(json.dumps(data))
    with pytest.raises(RecordError, match="'zero' is not a whole number"):
        read_record(tmp_path / "record.json")
