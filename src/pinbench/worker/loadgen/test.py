"""One test of LoadGen: the whole of it is one step of the measured window."""

import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from pinbench.base.errors import RecordError
from pinbench.contract.case import Scenario
from pinbench.contract.result import Accuracy, LoadgenResult
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.loadgen.accuracy_log import score
from pinbench.worker.loadgen.samples import Samples
from pinbench.worker.loadgen.settings import Order, Speed, make_settings, speed_of
from pinbench.worker.loadgen.summary import parse_summary
from pinbench.worker.loadgen.system import Query, System

SUMMARY = "mlperf_log_summary.txt"
ACCURACY_LOG = "mlperf_log_accuracy.json"


class Test:
    """LoadGen and the system that it tests.

    The model computes in the thread that calls `step`, in which it was warmed up: another one would get a second team
    of OpenMP threads. LoadGen waits for the answer within its call, except in the scenario Server, whose queries must
    be taken at once: there it has a thread of its own, and hands them over.

    Args:
        library: `mlperf_loadgen`.
        order: what is asked for.
        samples: all samples.
        loaded: how many of them may be in memory at the same time.
        compute: the model; batches of `batch_size` rows to probabilities, shape (B,).
        batch_size: rows of a call.
        cpus: of the instance; LoadGen's own thread may run on all of them.
        folder: gets LoadGen's logs.
    """

    __test__ = False  # not for pytest

    def __init__(
        self,
        library: Any,
        order: Order,
        samples: Samples,
        loaded: int,
        compute: Callable[[Batch], Tensor],
        batch_size: int,
        cpus: Sequence[int],
        folder: Path,
    ) -> None:
        self._library = library
        self._order = order
        self._samples = samples
        self._loaded = loaded
        self._cpus = cpus
        self._folder = folder
        self._speed: Speed | None = None
        self._is_done = False
        self._queries: queue.SimpleQueue[list[Query] | None] = queue.SimpleQueue()
        self._system = System(
            samples, compute, batch_size, library.QuerySamplesComplete, library.QuerySampleResponse
        )  # fmt: skip

    def warmed(self, warmup_ns: Sequence[int]) -> None:
        """Be told how long the steps of the warm-up took."""
        mean_pairs = self._samples.pairs / len(self._samples)
        self._speed = speed_of(warmup_ns, self._system.batch_size, mean_pairs)

    def more(self) -> bool:
        """Whether the test is still to be made."""
        return not self._is_done

    def step(self, _: None) -> None:
        """Make the test.

        Raises:
            UsageError: the user.conf cannot be used.
            Exception: what the model raised.
        """
        assert self._speed is not None, "`warmed` comes first"
        self._is_done = True
        settings = make_settings(self._library, self._order, self._speed)
        settings.performance_sample_count_override = self._loaded
        if self._order.scenario is Scenario.SERVER:
            self._serve(settings)
        else:
            self._start(settings, self._answer)
        if self._system.failure is not None:
            raise self._system.failure

    def result(self) -> LoadgenResult:
        """Return what LoadGen's summary says.

        Raises:
            RecordError: there is none, or it is not whole.
        """
        samples, pairs = len(self._samples), self._samples.pairs
        if self._order.is_accuracy:
            return LoadgenResult(scenario=self._order.scenario.value, samples=samples, pairs=pairs)
        path = self._folder / SUMMARY
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise RecordError(f"LoadGen left no summary: cannot read {path}: {error.strerror}") from error
        return replace(parse_summary(text), samples=samples, pairs=pairs)

    def accuracy(self) -> Accuracy:
        """Return what the replies of an accuracy test are worth."""
        return score(self._folder / ACCURACY_LOG, self._samples.size_S)

    def _answer(self, asked: Sequence[Any]) -> None:
        queries = _queries(asked)
        if self._order.scenario is Scenario.OFFLINE:
            self._system.answer_in_groups(queries)
        else:
            self._system.answer(queries)

    def _serve(self, settings: Any) -> None:
        def ask() -> None:
            os.sched_setaffinity(0, self._cpus)  # OpenMP has bound the thread that started this one to one CPU
            self._start(settings, lambda asked: self._queries.put(_queries(asked)))

        with ThreadPoolExecutor(1, thread_name_prefix="loadgen") as pool:
            asking = pool.submit(ask)
            asking.add_done_callback(lambda _: self._queries.put(None))
            while (queries := self._queries.get()) is not None:
                is_last = self._fill_up(queries)
                self._system.answer(queries)
                if is_last:
                    break
            asking.result()

    def _fill_up(self, queries: list[Query]) -> bool:
        """Add what waits until a batch is full; return whether the test has ended."""
        pairs = sum(map(self._system.pairs, queries))
        while pairs < self._system.batch_size:
            try:
                more = self._queries.get_nowait()
            except queue.Empty:
                return False
            if more is None:
                return True
            queries += more
            pairs += sum(map(self._system.pairs, more))
        return False

    def _start(self, settings: Any, answer: Callable[[Sequence[Any]], None]) -> None:
        library, log = self._library, self._library.LogSettings()
        log.enable_trace = False
        log.log_output.outdir = str(self._folder)
        log.log_output.copy_summary_to_stdout = False
        system = library.ConstructSUT(answer, lambda: None)
        samples = library.ConstructQSL(len(self._samples), self._loaded, self._samples.load, self._samples.unload)
        try:
            library.StartTestWithLogSettings(system, samples, settings, log, "")
        finally:
            library.DestroyQSL(samples)
            library.DestroySUT(system)


def _queries(asked: Sequence[Any]) -> list[Query]:
    return [Query(query.id, query.index) for query in asked]
