"""DLRM as the system that MLPerf's LoadGen tests: which rows its samples have, and what the loop is handed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pinbench.contract.case import Case, Mode, Scalar
from pinbench.contract.plan import Instance
from pinbench.contract.result import Accuracy, DataFacts
from pinbench.worker.data.criteo.batches import Split, synthetic_batches, synthetic_facts
from pinbench.worker.data.criteo.footprint import ready_bytes
from pinbench.worker.loadgen.samples import Read, Samples, Sizes, drawn_sizes
from pinbench.worker.loadgen.settings import Order
from pinbench.worker.loadgen.test import Test
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm_accuracy import rows_to_score

# Rows in memory at the same time. MLPerf's dlrm wants 204,800 samples, 55 million rows: 15 GB beside the tables.
_MEASURED_ROWS = 32_768
_SCORED_ROWS = 131_072
_MLPERF = "mlperf"  # of SAMPLE_PAIRS; the other one has a pair in each sample


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Where the rows of all samples come from."""

    rows: int
    read: Read
    facts: DataFacts
    planted_auc: float | None = None


def loaded_bytes(case: Case, ids: int) -> int:
    """Return what the samples that are in memory at the same time take, while they are made; `ids`: of a row."""
    return ready_bytes(_loaded_rows(case), ids)


def under_loadgen(
    prepared: Prepared,
    instance: Instance,
    split: Split | None,
    config: DlrmConfig,
    library: Any,
    folder: Path,
) -> Prepared:
    """Return `prepared` with one step, LoadGen's whole test; the batches stay for warm-up, probe and check.

    Args:
        prepared: a model whose steps give probabilities, shape (B,).
        instance: the orders.
        split: where the rows lie; None: they are made up.
        config: whose tables made-up rows are for.
        library: `mlperf_loadgen`.
        folder: gets LoadGen's logs.
    """
    case, knobs = instance.case, instance.case.knobs
    source = _made_up(case, config) if split is None else _of_split(case, split)
    samples = Samples(_sizes(source.rows, knobs.own, knobs.seed), source.read)
    loaded = max(1, min(len(samples), len(samples) * _loaded_rows(case) // samples.pairs))
    order = Order(
        scenario=knobs.scenario,
        is_accuracy=case.mode is Mode.ACCURACY,
        min_queries=knobs.steps or 1,
        min_duration_s=knobs.min_duration_s,
        target_qps=_number(knobs.own, "TARGET_QPS"),
        target_latency_ms=_number(knobs.own, "TARGET_LATENCY"),
        config=_path(knobs.own, "LOADGEN_CONFIG"),
    )
    test = Test(library, order, samples, loaded, prepared.step, prepared.batch_size, instance.cpus, folder)

    def judge() -> Accuracy | None:
        return replace(test.accuracy(), bayes_auc=source.planted_auc) if order.is_accuracy else None

    return replace(
        prepared,
        step=test.step,
        warm_up_step=prepared.step,
        warmed=test.warmed,
        more=test.more,
        data=source.facts,
        accuracy=judge,
        loadgen=test.result,
    )


def _loaded_rows(case: Case) -> int:
    return _SCORED_ROWS if case.mode is Mode.ACCURACY else _MEASURED_ROWS


def _sizes(rows: int, own: Mapping[str, Scalar], seed: int) -> Sizes:
    if own["SAMPLE_PAIRS"] != _MLPERF:
        return np.ones(rows, np.int64)
    return drawn_sizes(rows, seed, quantiles=_path(own, "SAMPLE_QUANTILES"))


def _of_split(case: Case, split: Split) -> _Rows:
    rows = rows_to_score(case, split) if case.mode is Mode.ACCURACY else min(split.rows, _MEASURED_ROWS)
    return _Rows(rows=rows, read=split.piece, facts=split.once_facts(rows), planted_auc=split.planted_auc)


def _made_up(case: Case, config: DlrmConfig) -> _Rows:
    alpha, seed = float(case.knobs.own["INDEX_ALPHA"]), case.knobs.seed
    (batch,) = synthetic_batches(
        batch_size=_MEASURED_ROWS, count=1, alpha=alpha, seed=seed, table_rows=config.table_rows, shard=0,
        hots=config.hots,
    )  # fmt: skip
    facts = synthetic_facts(batch_size=_MEASURED_ROWS, count=1, alpha=alpha, seed=seed, shard=0, hots=config.hots)
    return _Rows(rows=_MEASURED_ROWS, read=batch.part, facts=facts)


def _number(own: Mapping[str, Scalar], name: str) -> float | None:
    return None if own.get(name) is None else float(own[name])


def _path(own: Mapping[str, Scalar], name: str) -> Path | None:
    return None if own.get(name) is None else Path(str(own[name]))
