from dataclasses import replace

from records import make_record, ok

from pinbench.base.units import MIB
from pinbench.contract.result import DataFacts, DataFlow
from pinbench.harness.kpi import loading
from pinbench.harness.kpi.configuration import workload_configuration
from pinbench.harness.kpi.judge import judge
from pinbench.harness.kpi.measurement import measurement

FLOW = DataFlow(rows=12_800, read_bytes=2 * MIB, disk_bytes=MIB // 2, wait_ns=50_000_000, waits=3, threads=2)
DATA = DataFacts(name="criteo test", rows=6_400, detail="")


def flowing(index, **changes):
    return ok(index, flow=replace(FLOW, **changes), data=DATA)


def values(record):
    return {kpi.name: (kpi.value, kpi.note) for kpi in loading.kpis(measurement(record))}


def test_a_run_whose_batches_were_ready_says_nothing_of_loading():
    assert values(make_record()) == {}
    assert workload_configuration(make_record())["DATA_LOADING"] == "ready"
    assert "DATA_THREADS" not in workload_configuration(make_record())


def test_rate_and_waiting_are_of_all_instances_together():
    # two instances of 100 steps of 10 ms: each 2 MiB in 1 s, and 50 ms of waiting each
    found = values(make_record(flowing(0), flowing(1)))
    assert found == {
        "Data Read": (4.0, ""),
        "Data Rate": (4.0, ""),
        "Data From Disk": (25.0, "of the data read; the page cache had the rest"),
        "Data Passes": (2.0, ""),
        "Data Wait Share": (5.0, "of the steps' time; 6 steps waited"),
    }


def test_without_the_kernel_s_account_nothing_is_said_of_the_disk():
    assert "Data From Disk" not in values(make_record(flowing(0), flowing(1, disk_bytes=None)))


def test_a_record_says_how_the_data_came():
    record = make_record(flowing(0), flowing(1))
    configuration = workload_configuration(record)
    assert configuration["DATA_LOADING"] == "end_to_end"
    assert configuration["DATA_THREADS"] == 2
    assert "Data Wait Share" in [kpi.name for kpi in judge(record)]
