from dataclasses import replace

import pytest
from records import make_case, make_host

from pinbench.contract.case import Isa, Precision, Variant
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.summary import summarise


def test_statistics_are_those_of_the_sample(keep_run, passed):
    (summary,) = summarise(read_entries([keep_run(passed(6_400), passed(12_800), passed(25_600), passed(12_800))]))
    assert (summary.n, summary.avg, summary.med, summary.min, summary.max) == (4, 14_400, 12_800, 6_400, 25_600)
    assert summary.key.sample.geo == 12_800.0
    # deviations -8000, -1600, 11200, -1600; the root of their squares' sum over n - 1
    assert summary.key.sample.std == pytest.approx(8053.16)


def test_the_median_of_an_even_number_is_between_the_middle_two(keep_run, passed):
    (summary,) = summarise(read_entries([keep_run(passed(6_400), passed(12_800))]))
    assert summary.med == 9_600.0


def test_one_value_has_no_deviation(keep_run, passed):
    (summary,) = summarise(read_entries([keep_run(passed())]))
    assert summary.key.sample.std is None
    assert summary.avg == 12_800.0


def test_iterations_without_a_number_are_counted_and_do_not_enter(keep_run, passed, failed):
    (summary,) = summarise(read_entries([keep_run(passed(), failed)]))
    assert (summary.n, summary.failed, summary.avg) == (1, 1, 12_800.0)


def test_a_killed_iteration_counts_with_the_others_of_its_directory(keep_run, passed):
    killed_alone = keep_run(None, root="alone")
    (summary,) = summarise(read_entries([keep_run(None, passed()), killed_alone]))
    assert (summary.n, summary.failed) == (1, 1)


def test_a_case_that_only_failed_has_no_statistics(keep_run, failed):
    (summary,) = summarise(read_entries([keep_run(failed)]))
    assert (summary.n, summary.failed, summary.avg, summary.seed_line) == (0, 1, None, None)


def test_cases_and_hosts_are_never_pooled(keep_run, passed):
    other_case = make_case(batch_size=128, seed=1, overrides=("SEED",))
    other_host = replace(passed(), host=replace(make_host(), cpu_model="Another CPU"))
    found = summarise(read_entries([keep_run(passed(6_400), passed(12_800, case=other_case), other_host)]))
    assert [summary.n for summary in found] == [1, 1, 1]


def test_runs_of_one_case_in_several_directories_are_one_summary(keep_run, passed):
    found = summarise(read_entries([keep_run(passed(), root="a"), keep_run(passed(), root="b")]))
    assert [summary.n for summary in found] == [2]


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"variant": Variant.FULL}, "inference_throughput_avx_fp32(samples/sec): 12800.000"),
        ({"variant": Variant.PKM}, "inference_throughput_avx_fp32_pkm(samples/sec)"),
        ({"overrides": ("SEED",)}, "inference_throughput_avx_fp32_gated_customized(samples/sec)"),
        ({"isa": Isa.ANY, "precision": Precision.FP32}, "inference_throughput_fp32_gated(samples/sec)"),
    ],
)
def test_the_one_line_form_names_function_mode_and_precision(keep_run, passed, changes, start):
    (summary,) = summarise(read_entries([keep_run(passed(case=make_case(**changes)))]))
    assert summary.seed_line.startswith(start)
