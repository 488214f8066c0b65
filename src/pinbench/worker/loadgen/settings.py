"""LoadGen's settings: from what the case says and its warm-up showed, or from a user.conf over MLPerf's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pinbench.base.errors import UsageError
from pinbench.base.units import MS_PER_S, NS_PER_MS, ns_to_s, s_to_ns
from pinbench.contract.case import Scenario

STREAMS = 8  # samples of a query of MultiStream (mlperf.conf)
_SERVER_BOUND_MS = 60.0  # of MLPerf's DLRM (mlperf.conf)
_PERCENTILE = 0.99  # of Server and MultiStream
# With fewer queries LoadGen's early stopping says INVALID whatever their latencies: 64 for the 90th percentile, 459 for
# the 99th, and 662 when one of them may be late (confidence 0.99).
_LEAST_QUERIES = {Scenario.SINGLE_STREAM: 64, Scenario.MULTI_STREAM: 662, Scenario.SERVER: 662}
# An Offline query is made before the test, and is INVALID when it is answered too soon: warm-up may have been slow.
_OFFLINE_RESERVE = 1.5
# Of what warm-up steps reached: queries come at random, not every batch is full, and handing over a query of one pair
# costs several times its computation.
_SERVER_SHARE = 0.05
_STREAM_SHARE = 0.5  # of their time: too short a guess costs memory alone, too long a one makes too few queries
_MODEL = "dlrm"  # in mlperf.conf and user.conf


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a case asks of LoadGen. None: as the warm-up shows, or as the rules have it."""

    scenario: Scenario
    is_accuracy: bool
    min_queries: int
    min_duration_s: float
    target_qps: float | None = None
    target_latency_ms: float | None = None
    config: Path | None = None  # a user.conf


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What the warm-up shows."""

    batch_s: float
    batch_size: int
    mean_pairs: float

    @property
    def samples_per_s(self) -> float:
        """Samples that full batches answer in a second."""
        return self.batch_size / self.batch_s / self.mean_pairs

    def query_s(self, samples: int) -> float:
        """Return how long a query of so many samples takes, whose last batch may be partly filled."""
        return -(-samples * self.mean_pairs // self.batch_size) * self.batch_s


def speed_of(warmup_ns: Sequence[int], batch_size: int, mean_pairs: float) -> Speed:
    """Return the speed of the later half of the warm-up steps; earlier ones may have been cold."""
    return Speed(
        batch_s=ns_to_s(median(warmup_ns[len(warmup_ns) // 2 :])), batch_size=batch_size, mean_pairs=mean_pairs
    )


def make_settings(library: Any, order: Order, speed: Speed) -> Any:
    """Return LoadGen's TestSettings for `order`.

    Raises:
        UsageError: the user.conf cannot be used.
    """
    settings = library.TestSettings()
    if order.config is not None:
        _read_config(settings, order.config, order.scenario)
    settings.scenario = getattr(library.TestScenario, order.scenario.value)
    modes = library.TestMode
    settings.mode = modes.AccuracyOnly if order.is_accuracy else modes.PerformanceOnly
    if order.config is None:
        settings.min_duration_ms = round(order.min_duration_s * MS_PER_S)
        settings.min_query_count = max(order.min_queries, _LEAST_QUERIES.get(order.scenario, 1))
        _set_scenario(settings, order, speed)
    return settings


def _set_scenario(settings: Any, order: Order, speed: Speed) -> None:
    match order.scenario:
        case Scenario.OFFLINE:
            settings.offline_expected_qps = order.target_qps or speed.samples_per_s * _OFFLINE_RESERVE
        case Scenario.SERVER:
            settings.server_target_qps = order.target_qps or speed.samples_per_s * _SERVER_SHARE
            settings.server_target_latency_ns = round((order.target_latency_ms or _SERVER_BOUND_MS) * NS_PER_MS)
            settings.server_target_latency_percentile = _PERCENTILE
        case Scenario.SINGLE_STREAM:
            settings.single_stream_expected_latency_ns = s_to_ns(speed.query_s(1) * _STREAM_SHARE)
        case _:
            settings.multi_stream_samples_per_query = STREAMS
            settings.multi_stream_target_latency_percentile = _PERCENTILE
            settings.multi_stream_expected_latency_ns = s_to_ns(speed.query_s(STREAMS) * _STREAM_SHARE)


def _read_config(settings: Any, path: Path, scenario: Scenario) -> None:
    """Read MLPerf's own settings, which LoadGen has built in, and `path` over them."""
    if not path.is_file():
        raise UsageError(f"LOADGEN_CONFIG={path} is no file; name a user.conf, or leave it out")
    if settings.FromConfig(str(path), _MODEL, scenario.value) != 0:
        raise UsageError(
            f"LOADGEN_CONFIG={path} is no user.conf: LoadGen takes lines such as *.Server.target_qps = 100"
        )
