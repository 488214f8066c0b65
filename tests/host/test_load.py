import pytest

from pinbench.contract.host import HostLoad
from pinbench.harness.host.load import LoadCounters, load_between, read_load_counters


def test_counters_are_seconds_and_leave_idle_and_steal_out_of_busy(machine, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda _: 100)
    counters = read_load_counters(machine("firecracker"))
    assert counters.load_1m == 0.0
    assert counters.busy_s == pytest.approx((6016 + 2413 + 29) / 100)
    assert counters.steal_s == pytest.approx(0.23)
    assert counters.total_s == pytest.approx((6016 + 2413 + 198350 + 189 + 29 + 23) / 100)


def test_the_share_of_others_is_what_is_busy_beyond_our_own():
    before = LoadCounters(load_1m=0.25, total_s=100.0, busy_s=10.0, steal_s=1.0)
    after = LoadCounters(load_1m=3.0, total_s=120.0, busy_s=26.0, steal_s=2.0)
    assert load_between(before, after, own_cpu_s=12.0) == HostLoad(
        load_1m_before=0.25, busy_share=0.8, steal_share=0.05, other_busy_share=pytest.approx(0.2)
    )


def test_own_time_that_a_finer_clock_counts_never_makes_others_negative():
    before = LoadCounters(load_1m=0.0, total_s=0.0, busy_s=0.0, steal_s=0.0)
    after = LoadCounters(load_1m=0.0, total_s=10.0, busy_s=5.0, steal_s=0.0)
    assert load_between(before, after, own_cpu_s=5.1).other_busy_share == 0.0


def test_what_is_not_known_stays_unknown(tmp_path):
    nothing = read_load_counters(tmp_path)
    assert nothing == LoadCounters(load_1m=None, total_s=None, busy_s=None, steal_s=None)
    assert load_between(nothing, nothing, 1.0) == HostLoad(
        load_1m_before=None, busy_share=None, steal_share=None, other_busy_share=None
    )


def test_a_window_without_duration_has_no_shares():
    counters = LoadCounters(load_1m=1.0, total_s=5.0, busy_s=1.0, steal_s=0.0)
    assert load_between(counters, counters, 0.0).busy_share is None


def test_own_time_that_is_not_known_leaves_only_the_share_of_others_open():
    before = LoadCounters(load_1m=None, total_s=0.0, busy_s=0.0, steal_s=0.0)
    after = LoadCounters(load_1m=None, total_s=4.0, busy_s=1.0, steal_s=0.0)
    load = load_between(before, after, own_cpu_s=None)
    assert (load.busy_share, load.other_busy_share) == (0.25, None)
