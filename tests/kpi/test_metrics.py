"""The KPIs of a few lines each: samples, overlap, variation, noise, memory, flops, quality, cost."""

from dataclasses import replace

import pytest
from records import MODEL, make_case, make_record, ok

from pinbench.base.errors import KpiError
from pinbench.base.units import GIB, MIB
from pinbench.contract.case import Function
from pinbench.contract.host import HostLoad
from pinbench.contract.result import MemoryUse, Quality
from pinbench.harness.kpi import cost, flops, memory, noise, overlap, quality, samples, variation
from pinbench.harness.kpi.measurement import measurement


def values(module, record):
    return {kpi.name: kpi.value for kpi in module.kpis(measurement(record))}


def test_samples_are_those_of_the_steps_in_the_common_window():
    found = values(samples, make_record(ok(0, setup_s=1.0), ok(1, setup_s=3.0)))
    assert found == {"Samples": 2 * 100 * 128, "Measured Time": 1.0, "Setup Time": 3.0}


def test_overlap_is_in_percent():
    assert values(overlap, make_record()) == {"Window Overlap": 100.0}


def test_a_steady_run_does_not_vary():
    assert values(variation, make_record()) == {"Throughput Variation": 0.0}


def test_a_run_that_slows_down_half_way_varies():
    steps = (10_000_000,) * 100 + (20_000_000,) * 50
    # five slices at 12800/s and five at 6400/s: standard deviation 3373 (n-1) over mean 9600
    assert values(variation, make_record(ok(0, step_ns=steps)))["Throughput Variation"] == pytest.approx(35.1364)


def test_variation_of_a_handful_of_steps_is_absent():
    assert values(variation, make_record(ok(0, steps=19))) == {}
    assert values(variation, make_record(ok(0, steps=20))) != {}


def test_load_that_the_host_does_not_tell_is_absent():
    load = HostLoad(load_1m_before=None, busy_share=0.5, steal_share=None, other_busy_share=0.125)
    assert values(noise, make_record(load=load)) == {"CPU Busy": 50.0, "CPU Taken by Other Processes": 12.5}
    assert values(noise, make_record(load=None)) == {}


def test_memory_is_the_sum_of_proportional_sizes():
    use = MemoryUse(pss_bytes=3 * GIB, rss_bytes=4 * GIB, huge_bytes=1 * GIB)
    found = values(memory, make_record(ok(0, memory=use), ok(1, memory=use)))
    assert found == {"Memory Used": 6144.0, "Memory Utilization": 25.0, "Huge Page Share": 25.0}


def test_memory_utilization_is_of_the_container_s_limit_where_there_is_one():
    record = make_record()
    topology = replace(record.plan.topology, memory_limit_bytes=3600 * MIB)
    record = replace(record, plan=replace(record.plan, topology=topology))
    assert values(memory, record)["Memory Utilization"] == 50.0


def test_memory_with_a_hole_is_absent():
    assert values(memory, make_record(ok(0), ok(1, memory=None))) == {}


def test_utilization_is_of_the_peak_that_all_instances_measured():
    model = replace(MODEL, flops_per_sample=1e6)
    results = [ok(i, model=model, gemm_peak_flop_per_s=64e9) for i in (0, 1)]
    assert values(flops, make_record(*results)) == {
        "FLOPs per Sample": 1.0,
        "FLOPs": 25.6,  # 25600 samples a second
        "GEMM Peak": 128.0,
        "Compute Utilization": 20.0,
    }


def test_utilization_without_every_instance_s_peak_is_absent():
    found = values(flops, make_record(ok(0), ok(1, gemm_peak_flop_per_s=None)))
    assert set(found) == {"FLOPs per Sample", "FLOPs"}


def test_a_run_without_a_model_has_no_flops():
    assert values(flops, make_record(ok(0, model=None))) == {}


def test_cost_follows_from_the_price_of_an_hour():
    # 12800 samples a second, 46.08 million an hour
    assert values(cost, make_record(ok(0), case=make_case(cost_per_hour=4.608))) == {"Cost Per Million Inferences": 0.1}


def test_without_a_price_or_for_training_there_is_no_cost_of_inferences():
    assert values(cost, make_record()) == {}
    assert values(cost, make_record(case=make_case(cost_per_hour=1.0, function=Function.TRAINING))) == {}


def test_the_quality_is_the_worst_of_all_instances():
    better, worse = (Quality(samples=64, max_logit_error=error, tolerance=0.1) for error in (0.01, 0.02))
    run = measurement(make_record(ok(0, quality=better), ok(1, quality=worse)))
    quality.require(run)
    name, value = quality.kpis(run)
    assert name.value == "max logit error against fp32 eager"
    assert (value.value, value.note) == (0.02, "n=128, tolerance 0.1")


@pytest.mark.parametrize("error", [0.2, float("nan"), float("inf")])
def test_outputs_that_are_off_have_no_number(error):
    bad = Quality(samples=64, max_logit_error=error, tolerance=0.1)
    with pytest.raises(KpiError, match=r"instance 1 are off by .* 0\.1 is tolerated"):
        quality.require(measurement(make_record(ok(0), ok(1, quality=bad))))


def test_outputs_that_nobody_checked_have_no_number():
    with pytest.raises(KpiError, match="instance 1 did not check the outputs of dlrm"):
        quality.require(measurement(make_record(ok(0), ok(1, quality=None))))
    with pytest.raises(KpiError, match="checked the outputs of no sample"):
        quality.require(measurement(make_record(ok(0, quality=Quality(samples=0, max_logit_error=0.0, tolerance=0.1)))))


def test_a_dummy_without_a_model_has_nothing_to_check():
    run = measurement(make_record(ok(0, model=None, quality=None)))
    quality.require(run)
    assert quality.kpis(run) == ()
