"""The rows of one step as a model takes them, and rows of a file as those.

B rows of a batch, I integers, F categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pinbench.worker.data.criteo.form import Rows

# torch.log shares out 2,048 numbers or more among threads (grain_size in aten/src/ATen/native/cpu/UnaryOpsKernel.cpp):
# each thread that reads ahead would get a team of its own, beside the model's.
_SERIAL_NUMBERS = 2_032


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of one step; each tensor is contiguous and begins where torch aligns memory."""

    dense_BI: Tensor  # float32, after the logarithm
    sparse_BF: Tensor  # int64, 0 <= row < rows of the table; multi-hot: a column for each id, table by table
    label_B: Tensor | None  # float32, 0 or 1

    def part(self, begin: int, end: int) -> "Batch":
        """Return the rows from `begin` to before `end`, in the same memory."""
        label_B = None if self.label_B is None else self.label_B[begin:end]
        return Batch(dense_BI=self.dense_BI[begin:end], sparse_BF=self.sparse_BF[begin:end], label_B=label_B)


def logarithm(dense_BI: npt.NDArray[np.int32] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return log(x + 1) of integers; floats are of a format that has the logarithm in the file.

    torch.log, as the reference (data_loader_terabyte.py:81): numpy's may differ in the last bit.
    """
    if dense_BI.dtype == np.float32:
        return np.ascontiguousarray(dense_BI, np.float32)
    log_BI = dense_BI.astype(np.float32)
    log_BI += 1
    numbers = torch.from_numpy(log_BI).view(-1)
    for begin in range(0, len(numbers), _SERIAL_NUMBERS):
        numbers[begin : begin + _SERIAL_NUMBERS].log_()
    return log_BI


def wrap_ids(sparse_BF: npt.NDArray[np.int32], table_rows: Sequence[int], max_ind_range: int | None) -> None:
    """Take the ids of tables that have more rows than `max_ind_range` modulo that, in place.

    As the reference does when it loads (data_loader_terabyte.py:77).
    """
    if max_ind_range is None:
        return
    for column, rows in enumerate(table_rows):
        if rows > max_ind_range:
            sparse_BF[:, column] %= max_ind_range


def cut(rows: Rows, table_rows: Sequence[int], max_ind_range: int | None, batch_size: int, count: int) -> list[Batch]:
    """Return `count` batches of consecutive rows, round and round, each with memory of its own."""
    dense = torch.from_numpy(logarithm(rows.dense_BI))
    wrap_ids(rows.sparse_BF, table_rows, max_ind_range)
    sparse = torch.from_numpy(np.ascontiguousarray(rows.sparse_BF, np.int64))
    label = torch.from_numpy(rows.label_B).to(torch.float32)
    batches = []
    for number in range(count):
        chosen_B = torch.from_numpy(np.arange(number * batch_size, (number + 1) * batch_size) % len(label))
        batches.append(Batch(dense_BI=dense[chosen_B], sparse_BF=sparse[chosen_B], label_B=label[chosen_B]))
    return batches
