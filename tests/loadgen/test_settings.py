"""LoadGen's settings: what the case says wins, what it leaves out follows from the warm-up."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from pinbench.base.errors import UsageError
from pinbench.contract.case import Scenario
from pinbench.worker.loadgen.settings import Order, Speed, make_settings, speed_of

SPEED = Speed(batch_s=0.1, batch_size=1000, mean_pairs=250.0)  # 40 samples a second
ORDER = Order(scenario=Scenario.OFFLINE, is_accuracy=False, min_queries=200, min_duration_s=5.0)


class Settings(SimpleNamespace):
    """Stands for LoadGen's TestSettings."""

    def FromConfig(self, path, model, scenario):  # noqa: N802 - LoadGen's name
        self.told = (path, model, scenario)
        return 0


LIBRARY = SimpleNamespace(
    TestSettings=Settings,
    TestScenario=SimpleNamespace(**{item.value: item.value for item in Scenario if item}),
    TestMode=SimpleNamespace(AccuracyOnly="accuracy", PerformanceOnly="performance"),
)


def settings(**changes):
    return make_settings(LIBRARY, replace(ORDER, **changes), SPEED)


def test_the_later_half_of_the_warm_up_says_how_fast_the_model_is():
    speed = speed_of([900_000_000, 300_000_000, 100_000_000, 100_000_000], 1000, 250.0)
    assert speed.samples_per_s == pytest.approx(40)
    assert [speed.query_s(samples) for samples in (1, 8)] == [pytest.approx(0.1), pytest.approx(0.2)]


def test_offline_expects_more_than_the_warm_up_reached():
    made = settings()
    assert (made.scenario, made.mode, made.min_duration_ms, made.min_query_count) == (
        "Offline",
        "performance",
        5000,
        200,
    )
    assert made.offline_expected_qps == pytest.approx(60)
    assert settings(target_qps=7.0).offline_expected_qps == 7.0


def test_server_asks_for_a_part_of_it_within_the_bound_of_dlrm():
    made = settings(scenario=Scenario.SERVER)
    assert made.server_target_qps == pytest.approx(2)
    assert (made.server_target_latency_ns, made.server_target_latency_percentile) == (60_000_000, 0.99)
    assert settings(scenario=Scenario.SERVER, target_latency_ms=30.0).server_target_latency_ns == 30_000_000


@pytest.mark.parametrize(
    ("scenario", "asked", "queries"),
    [
        (Scenario.SINGLE_STREAM, 10, 64),
        (Scenario.SINGLE_STREAM, 200, 200),
        (Scenario.MULTI_STREAM, 200, 662),
        (Scenario.SERVER, 200, 662),
    ],
)
def test_there_are_at_least_the_queries_without_which_early_stopping_fails(scenario, asked, queries):
    assert settings(scenario=scenario, min_queries=asked).min_query_count == queries


def test_streams_expect_a_query_to_take_less_than_it_does():
    assert settings(scenario=Scenario.SINGLE_STREAM).single_stream_expected_latency_ns == 50_000_000
    made = settings(scenario=Scenario.MULTI_STREAM)
    assert (made.multi_stream_samples_per_query, made.multi_stream_expected_latency_ns) == (8, 100_000_000)


def test_a_user_conf_decides_alone(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text("*.Offline.target_qps = 100\n")
    made = settings(config=path, is_accuracy=True)
    assert made.told == (str(path), "dlrm", "Offline")
    assert made.mode == "accuracy"
    assert not hasattr(made, "min_duration_ms")


def test_a_user_conf_that_is_absent_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"LOADGEN_CONFIG=.*user\.conf is no file"):
        settings(config=tmp_path / "user.conf")
