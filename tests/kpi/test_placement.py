from dataclasses import replace

import pytest
from records import make_record, ok

from pinbench.base.errors import KpiError
from pinbench.harness.kpi.measurement import measurement
from pinbench.harness.kpi.placement import require


def seen(*cpus):
    return replace(ok(1).placement, cpus_seen=cpus)


def test_instances_that_stayed_on_their_cpus_are_accepted():
    require(measurement(make_record()))


def test_an_instance_that_could_run_elsewhere_is_named_with_both_sets():
    with pytest.raises(KpiError, match="instance 1 was planned on cpus 1, its threads were allowed on 0,1"):
        require(measurement(make_record(ok(0), ok(1, placement=seen(0, 1)))))


def test_an_instance_with_another_number_of_threads_is_named_unless_it_has_no_model():
    wide = replace(ok(1).placement, threads=2)
    with pytest.raises(KpiError, match="instance 1 was planned with one thread on each of cpus 1, it computed with 2"):
        require(measurement(make_record(ok(0), ok(1, placement=wide))))
    require(measurement(make_record(ok(0), ok(1, placement=wide, model=None))))


def test_an_instance_that_did_not_look_is_refused():
    with pytest.raises(KpiError, match="instance 1 did not read back where it ran"):
        require(measurement(make_record(ok(0), ok(1, placement=None))))
