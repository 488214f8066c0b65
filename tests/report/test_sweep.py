from dataclasses import replace

import pytest
from records import make_case

from pinbench.harness.report import sweep
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.listing import Listing

CASE = "test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"


@pytest.fixture
def point(keep_run, passed):
    """Return a function that leaves the runs of a case with other parameters: samples a second of each run."""

    def keep(*rates, **knobs):
        names = {"batch_size": "BATCH_SIZE", "seed": "SEED"}
        case = replace(make_case(**knobs), overrides=tuple(names[name] for name in knobs))
        root = "-".join(f"{name}{value}" for name, value in knobs.items()) or "plain"
        return keep_run(*(passed(rate, case) for rate in rates), root=root)

    return keep


def text_of(*logs):
    return sweep.render(Listing(entries=read_entries(logs)))


def test_points_stand_side_by_side_the_best_first(point):
    text = text_of(point(9_000, 11_000, seed=1), point(20_000, seed=2), point(16_000, 8_000, 12_000, seed=3))
    assert text.splitlines() == [
        f"# {CASE} on AMD EPYC 9B14: 3 points, Throughput (samples/sec)",
        "SEED  n  failed    median       min       max  of the best",
        "   2  1       0  20000.00  20000.00  20000.00        1.000",
        "   3  3       0  12000.00   8000.00  16000.00        0.600",
        "   1  2       0  10000.00   9000.00  11000.00        0.500",
        "# best: SEED=2",
        f"# repeat: ./ctest.sh -R '^{CASE}$' --set SEED=2 -V",
    ]


def test_what_is_the_same_in_all_points_is_no_column(point):
    header = text_of(point(100, seed=1), point(200, seed=2)).splitlines()[1]
    assert header.split()[:3] == ["SEED", "n", "failed"]


def test_one_point_is_a_sweep_too(point):
    text = text_of(point(100))
    assert "1 points" in text
    assert "# best: the only point\n" in text


def test_a_point_without_a_number_stays_in_the_table(point, keep_run, failed):
    case = make_case(seed=7)
    bad = keep_run(replace(failed, plan=replace(failed.plan, case=case)), root="bad")
    lines = text_of(bad, point(100, seed=8)).splitlines()
    assert lines[3].split() == ["7", "0", "1", "-", "-", "-", "-"]
    assert "# best: SEED=8" in lines
    assert "no point gave a number" in text_of(bad)


def test_of_latencies_the_least_is_the_best(keep_run):
    from records import DATA

    from pinbench.contract.case import Mode
    from pinbench.harness.record.schema import read_record

    record = read_record(DATA / "records/v1/latency.json")
    assert record.plan is not None
    assert record.plan.case.mode is Mode.LATENCY
    (result, *others) = record.results
    slow = replace(record, results=(replace(result, step_ns=tuple(2 * ns for ns in result.step_ns)), *others))
    case = replace(record.plan.case, knobs=replace(record.plan.case.knobs, seed=5))
    slow = replace(slow, plan=replace(record.plan, case=case))
    lines = text_of(keep_run(slow, root="slow"), keep_run(record, root="fast")).splitlines()
    assert lines[2].split()[-1] == "1.000"
    assert float(lines[3].split()[-1]) < 1
    assert lines[2].split()[0] != "5"
