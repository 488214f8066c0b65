"""The operator that adds rows up behind the dense feature, against plain sums."""

import pytest
import torch

from pinbench.worker.ops.bags import BagParts, make_bag_features
from pinbench.worker.ops.isa import useful

HOTS, ROWS, WIDTH, SAMPLES = (3, 1, 20), (50, 7, 400), 24, 13


def parts(dtype: torch.dtype) -> BagParts:
    tables_RD = (torch.rand(sum(ROWS), WIDTH, generator=torch.Generator().manual_seed(0)) - 0.5).to(dtype)
    return BagParts(tables_RD=tables_RD, first_row_F=torch.tensor([0, 50, 57]), rows_F=torch.tensor(ROWS))


def bags(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    random, rows, ends = torch.Generator().manual_seed(1), [], [0]
    for _ in range(samples):
        for hots, size, first in zip(HOTS, ROWS, (0, 50, 57), strict=True):
            rows.append(torch.randint(0, size, (hots,), generator=random) + first)
            ends.append(ends[-1] + hots)
    return torch.cat(rows), torch.tensor(ends)


@pytest.mark.parametrize("isa", useful(torch.float32))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("samples", [1, SAMPLES])
def test_features_are_the_dense_one_and_the_sums(operators, isa, dtype, samples):
    given, (row_N, offset_K) = parts(dtype), bags(samples)
    dense_BD = torch.rand(samples, WIDTH).to(dtype)
    found = make_bag_features(operators, given, isa)(dense_BD, row_N, offset_K)
    sums = torch.stack([rows.float().sum(0) for rows in given.tables_RD[row_N].tensor_split(offset_K[1:-1])])
    expected = torch.cat([dense_BD.float(), sums.view(samples, -1)], dim=1)
    assert found.dtype == dtype
    assert torch.allclose(
        found.float(), expected.to(dtype).float(), rtol=0, atol=1e-5 if dtype is torch.float32 else 0.02
    )


def test_a_row_of_another_table_is_refused(operators):
    row_N, offset_K = bags(2)
    row_N[3] = 49  # of the first table, in a bag of the second
    with pytest.raises(IndexError, match="not below the rows of its table"):
        make_bag_features(operators, parts(torch.float32), useful(torch.float32)[-1])(
            torch.rand(2, WIDTH), row_N, offset_K
        )
