import csv as standard_csv
import io
import json as standard_json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from listings import FORMATS, GOLDEN, as_text, make_listing

from pinbench.base.plugin import load_plugin
from pinbench.harness.report import format as formats
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.format import csv, google_benchmark, json, junit, md, mlperf, openmetrics, xlsx
from pinbench.harness.report.format import list as table
from pinbench.harness.report.listing import Listing


@pytest.fixture
def logs(keep_run, passed, failed):
    return keep_run(passed(), failed, None)


def test_the_list_reads_like_wsf_s(logs):
    text = table.render(Listing(entries=read_entries([logs]), primary_only=True))
    host = "AMD EPYC 9B14"
    case = "test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"
    assert (
        text
        == f"""\
{logs}/itr-1:
# status: passed
*Throughput (samples/sec): 12800.00

{logs}/itr-2:
# status: failed
# reason: instance 1 died

{logs}/itr-3:
# status: incomplete
# reason: the run was killed, or goes on

# {case} on {host}: n=1, failed=2
avg *Throughput (samples/sec): 12800.00
med *Throughput (samples/sec): 12800.00
geo *Throughput (samples/sec): 12800.00
min *Throughput (samples/sec): 12800.00
max *Throughput (samples/sec): 12800.00
inference_throughput_avx_fp32_gated(samples/sec): 12800.000
"""
    )


def test_all_kpis_are_listed_unless_only_the_primary_is_asked_for(logs):
    entries = read_entries([logs])
    assert "\nMean Latency (ms): 10.00 # n=100\n" in table.render(Listing(entries=entries))
    assert "Latency" not in table.render(Listing(entries=entries, primary_only=True))


def test_parameters_are_listed_on_request_with_a_hash(logs):
    entries = read_entries([logs])
    assert "\n# BATCH_SIZE: 128\n" in table.render(Listing(entries=entries, parameters=True))
    assert "BATCH_SIZE" not in table.render(Listing(entries=entries))


def test_json_holds_iterations_and_summaries_and_nothing_that_is_not_known(logs):
    data = standard_json.loads(json.render(Listing(entries=read_entries([logs]), parameters=True)))
    assert [item["status"] for item in data["iterations"]] == ["passed", "failed", "incomplete"]
    assert data["iterations"][0]["parameters"]["BATCH_SIZE"] == 128
    assert data["iterations"][0]["kpis"][-1]["name"] == "Throughput"
    assert data["iterations"][0]["kpis"][-1]["value"] == 12800.0
    assert "case" not in data["iterations"][2]
    assert data["summaries"][0]["avg"] == 12800.0
    assert "std" not in data["summaries"][0]


def test_csv_has_one_value_a_row(logs):
    text = csv.render(Listing(entries=read_entries([logs]), parameters=True))
    rows = list(standard_csv.DictReader(io.StringIO(text)))
    assert {row["kind"] for row in rows} == {"status", "parameter", "kpi", "primary", "summary"}
    (primary,) = [row for row in rows if row["kind"] == "primary"]
    assert (primary["name"], primary["unit"], primary["value"]) == ("Throughput", "samples/sec", "12800.00")
    assert [row["note"] for row in rows if row["kind"] == "status"][1] == "instance 1 died"


def test_csv_quotes_text_with_commas_and_quotes(keep_run, failed):
    logs = keep_run(replace(failed, failure='said "no", twice'))
    rows = list(standard_csv.DictReader(io.StringIO(csv.render(Listing(entries=read_entries([logs]))))))
    assert rows[0]["note"] == 'said "no", twice'


@pytest.fixture
def listing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_listing()


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_writes_what_it_wrote_before(listing, name):
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert as_text(load_plugin(formats, name).render(listing)) == expected, "if meant, run tests/support/listings.py"


def test_there_is_a_golden_file_for_each_format_and_no_other():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_the_parameters_and_the_machine_on_request(listing, name):
    plain, whole = (
        as_text(load_plugin(formats, name).render(replace(listing, parameters=asked, system=asked)))
        for asked in (False, True)
    )
    if name in ("sweep", "openmetrics", "google_benchmark"):
        assert whole == plain  # has no place for them
    else:
        assert "BATCH_SIZE" in whole
        assert "BATCH_SIZE" not in plain
    if name not in ("sweep", "openmetrics", "google_benchmark", "mlperf"):
        assert "avx512_bf16" in whole
        assert "avx512_bf16" not in plain


@pytest.mark.parametrize("name", FORMATS)
def test_numbers_have_no_exponent_where_people_read_them(listing, name):
    text = as_text(load_plugin(formats, name).render(listing))
    assert not re.search(r"1\.25e\+0?6", text)
    if name != "sweep":
        assert "1250402.96" in text


def test_md_keeps_its_columns_whatever_a_text_holds(listing):
    hostile = replace(listing.entries[6], reason="a | b\n<script>`x`")
    text = md.render(replace(listing, entries=[hostile], comparison=None))
    (row,) = [line for line in text.splitlines() if line.startswith("| logs")]
    assert "a \\| b \\<script\\>\\`x\\`" in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 9


def test_xlsx_is_a_workbook_with_numbers_as_numbers(listing):
    openpyxl = pytest.importorskip("openpyxl")
    hostile = replace(listing.entries[6], reason="=1+1 \x00 & <x>")
    whole = replace(listing, entries=[*listing.entries[:6], hostile], primary_only=False, parameters=True, system=True)
    book = openpyxl.load_workbook(io.BytesIO(xlsx.render(whole)))
    assert book.sheetnames == ["Statistics", "Runs", "Comparison", "Parameters", "Systems", "KPIs"]
    runs = [[cell.value for cell in row] for row in book["Runs"].iter_rows()]
    assert runs[0] == ["run", "case", "status", "started", "KPI", "unit", "value", "reason"]
    assert runs[1][6] == 1_250_000.0
    assert runs[7][7] == "=1+1 \ufffd & <x>"
    assert book["Runs"]["H8"].data_type != "f", "a text is no formula"
    assert (book["Runs"].freeze_panes, book["Runs"].auto_filter.ref) == ("A2", "A1:H8")
    kpis = {row[2].value for row in book["KPIs"].iter_rows(min_row=2)}
    assert {"*Throughput", "P99 Latency"} <= kpis


@pytest.mark.parametrize(("number", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA")])
def test_columns_have_the_letters_of_a_spreadsheet(number, letters):
    assert xlsx._column(number) == letters


def test_junit_says_what_failed_and_how_long_it_took(listing):
    root = ElementTree.fromstring(junit.render(listing))
    assert (root.tag, dict(root.attrib)) == (
        "testsuites", {"name": "pinbench", "tests": "10", "failures": "2", "errors": "1", "skipped": "0"},
    )  # fmt: skip
    assert [suite.get("tests") for suite in root] == ["8", "1", "1"]
    (failure, worse) = root.iter("failure")
    assert failure.get("message") == 'instance 1 said "<no>" & died'
    assert worse.get("message").startswith("slower, new / base 0.78")
    (error,) = root.iter("error")
    assert error.get("message") == "the run was killed, or goes on"
    assert next(root.iter("testcase")).get("time") == "12.500"


def test_openmetrics_is_read_by_both_parsers_of_prometheus_in_base_units(listing):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    older = pytest.importorskip("prometheus_client.parser")
    text = openmetrics.render(replace(listing, primary_only=False))
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    assert families.keys() == {family.name for family in older.text_string_to_metric_families(text)}
    by_run = {
        sample.labels["run"]: sample.value for sample in families["pinbench_throughput_samples_per_second"].samples
    }
    assert by_run["logs/logs-x/itr-1"] == 1_250_000.0
    latency = families["pinbench_latency_seconds"]
    assert (latency.type, latency.unit) == ("gauge", "seconds")
    assert {sample.labels["quantile"] for sample in latency.samples} == {"0.5", "0.9", "0.95", "0.99"}
    assert latency.samples[0].value == pytest.approx(0.1024e-3)
    assert families["pinbench_memory_used_bytes"].samples[0].value == 900 * 1024 * 1024
    passed = {sample.labels["run"]: sample.value for sample in families["pinbench_run_passed"].samples}
    assert (passed["logs/logs-x/itr-1"], passed["logs/logs-x/itr-7"]) == (1.0, 0.0)


def test_openmetrics_escapes_what_would_end_a_label(listing):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    odd = Path('logs "a\\b"\nc')
    text = openmetrics.render(replace(listing, entries=[replace(listing.entries[0], path=odd)]))
    (family, *_) = parser.text_string_to_metric_families(text)
    assert family.samples[0].labels["run"] == str(odd)


def test_google_benchmark_has_repetitions_and_aggregates(listing):
    data = standard_json.loads(google_benchmark.render(replace(listing, primary_only=False)))
    assert data["context"]["json_schema_version"] == 1
    assert data["context"]["num_cpus"] == 2  # of the failed run, the most of all
    runs = [entry for entry in data["benchmarks"] if entry["run_type"] == "iteration"]
    first = runs[0]
    assert (first["repetitions"], first["repetition_index"], first["iterations"], first["threads"]) == (8, 0, 100, 1)
    assert (first["real_time"], first["time_unit"], first["items_per_second"]) == (0.1024, "ms", 1_250_000.0)
    assert [entry["error_message"] for entry in runs if entry.get("error_occurred")] == [
        'instance 1 said "<no>" & died', "the run was killed, or goes on",
    ]  # fmt: skip
    whole = {entry["aggregate_name"]: entry for entry in data["benchmarks"] if entry["run_type"] == "aggregate"}
    assert list(whole) == ["mean", "median", "stddev", "cv"]
    assert whole["mean"]["items_per_second"] == 1148500.2
    assert whole["cv"]["items_per_second"] == pytest.approx(0.216903)
    assert whole["mean"]["name"] == f"{first['run_name']}_mean"
    for entry in data["benchmarks"]:
        assert {"name", "run_name", "run_type", "family_index", "per_family_instance_index"} <= entry.keys()
        assert entry.get("error_occurred") or {"real_time", "cpu_time", "time_unit"} <= entry.keys()


def test_mlperf_has_the_words_of_loadgen_and_says_that_it_is_no_submission(listing):
    data = standard_json.loads(mlperf.render(listing))
    assert data["submission"] is False
    first, failed = data["results"][0], data["results"][6]
    assert first["effective_scenario"] == "Offline"
    assert (first["result_validity"], first["result_samples_per_second"]) == ("VALID", 1_250_000.0)
    assert first["result_99.00_percentile_latency_ns"] == pytest.approx(102_400)
    assert first["system"]["host_processor_model_name"] == "AMD EPYC 9B14"
    assert (failed["result_validity"], "result_samples_per_second" in failed) == ("INVALID", False)
    assert failed["result_invalid_reason"] == 'instance 1 said "<no>" & died'
