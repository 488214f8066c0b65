"""LoadGen's system under test: takes queries, fills batches with their pairs, and replies.

Q queries of a group, K pairs of them together, B pairs of a batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.loadgen.samples import Loaded, Samples

# Pairs whose queries are answered together: enough that the last, partly filled batch of a group does not count.
_GROUP_BATCHES = 64
_REPLY = 2  # numbers of a pair: its probability and its label, which MLPerf's accuracy script reads in this order
_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Query:
    """What LoadGen wants to know: the answer to one sample."""

    id: int
    index: int


class System:
    """Answers queries with a model that takes batches of `batch_size` rows."""

    def __init__(
        self,
        samples: Samples,
        compute: Callable[[Batch], Tensor],
        batch_size: int,
        complete: Callable[[list[Any]], None],
        response: Callable[[int, int, int], Any],
    ) -> None:
        self.batch_size = batch_size
        self.failure: Exception | None = None
        self._samples = samples
        self._compute = compute
        self._complete = complete
        self._response = response

    def answer(self, queries: Sequence[Query]) -> None:
        """Reply to all of `queries`.

        The first failure is kept, and from then on every query gets an empty reply, so that the test ends; whoever
        started it raises the failure.
        """
        try:
            if self.failure is None:
                self._answer(queries)
                return
        # Any exception, of whatever model and engine: this is called by LoadGen's C++, and what a callback of pybind11
        # raises there finds no handler and ends the process, without a record and without the reason.
        except Exception as failure:  # noqa: BLE001
            self.failure = failure
        self._complete([self._response(query.id, 0, 0) for query in queries])

    def answer_in_groups(self, queries: Sequence[Query]) -> None:
        """Reply to the many queries of the scenario Offline, which may be answered in any order.

        In the order of the samples, so that their rows are read one after the other; batches are cut across samples,
        so that all of them are full.
        """
        ascending = sorted(queries, key=lambda query: query.index)
        for group in self._groups(ascending):
            self.answer(group)

    def pairs(self, query: Query) -> int:
        """Return how many pairs the answer has."""
        return int(self._samples.size_S[query.index])

    def _groups(self, queries: Sequence[Query]) -> Iterator[Sequence[Query]]:
        begin = pairs = 0
        for place, query in enumerate(queries, 1):
            pairs += self.pairs(query)
            if pairs >= _GROUP_BATCHES * self.batch_size or place == len(queries):
                yield queries[begin:place]
                begin, pairs = place, 0

    def _answer(self, queries: Sequence[Query]) -> None:
        loaded = self._samples.loaded
        assert loaded is not None, "LoadGen loads samples before it asks for them"
        index_Q = np.array([query.index for query in queries], np.int64)
        size_Q = self._samples.size_S[index_Q]
        end_Q = np.cumsum(size_Q)
        row_K = _rows(loaded.begin_S[index_Q], size_Q, end_Q)
        reply_K2 = np.empty((len(row_K), _REPLY), np.float32)
        reply_K2[:, 1] = loaded.label_N[row_K]
        address = reply_K2.ctypes.data
        replied = 0
        for begin in range(0, len(row_K), self.batch_size):
            end = min(begin + self.batch_size, len(row_K))
            reply_K2[begin:end, 0] = self._probabilities(loaded, row_K[begin:end])
            ready = int(np.searchsorted(end_Q, end, "right"))
            self._complete(
                [
                    self._response(
                        queries[place].id,
                        address + int(end_Q[place] - size_Q[place]) * _REPLY * _NUMBER_BYTES,
                        int(size_Q[place]) * _REPLY * _NUMBER_BYTES,
                    )
                    for place in range(replied, ready)
                ]
            )
            replied = ready

    def _probabilities(self, loaded: Loaded, row_K: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return one probability a row; what fills up the batch, which engines want whole, is its first row again."""
        row_B = np.full(self.batch_size, row_K[0], np.int64)
        row_B[: len(row_K)] = row_K
        chosen_B = torch.from_numpy(row_B)
        batch = Batch(dense_BI=loaded.dense_NI[chosen_B], sparse_BF=loaded.sparse_NF[chosen_B], label_B=None)
        probability_B: npt.NDArray[np.float32] = self._compute(batch)[: len(row_K)].float().numpy()
        return probability_B


def _rows(
    begin_Q: npt.NDArray[np.int64], size_Q: npt.NDArray[np.int64], end_Q: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the rows of all queries, one range after the other."""
    shift_Q = begin_Q - (end_Q - size_Q)
    row_K: npt.NDArray[np.int64] = np.arange(end_Q[-1]) + np.repeat(shift_Q, size_Q)
    return row_K
