import csv as standard_csv
import io
import json as standard_json
from dataclasses import replace

import pytest

from pinbench.harness.report import csv, json, table
from pinbench.harness.report.entries import read_entries
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
