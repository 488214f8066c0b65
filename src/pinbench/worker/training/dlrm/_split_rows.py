"""Tables of which a lookup reads half: bfloat16 in front, and what it lacks of fp32 behind it in the same row.

After Split-SGD-BF16 (Kalamkar et al., arXiv:2005.04680, section III-E), but the upper half is the nearest bfloat16 and
not a truncated one, so that the lower half is a signed number. R rows, D values a row.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

_BLOCK_ROWS = 4096  # 2 MiB at D = 128: what is computed besides stays in a cache


def split_in_place(tables_RD: Tensor) -> Tensor:
    """Return the upper halves, bfloat16, shape (R, D), of fp32 rows that are split where they lie."""
    width = tables_RD.shape[1]
    halves_RH = tables_RD.view(torch.int16)  # H = 2 D
    for word_RD, half_RH in zip(
        torch.split(tables_RD.view(torch.int32), _BLOCK_ROWS), torch.split(halves_RH, _BLOCK_ROWS), strict=True
    ):
        upper_RD = (word_RD + 0x8000) >> 16
        lower_RD = word_RD - (upper_RD << 16)
        half_RH[:, :width] = upper_RD
        half_RH[:, width:] = lower_RD
    return halves_RH.view(torch.bfloat16)[:, :width]


def joined(tables_RD: Tensor) -> Tensor:
    """Return a copy in fp32 of rows that `split_in_place` split; `tables_RD` is what it was given."""
    width = tables_RD.shape[1]
    halves_RH = tables_RD.view(torch.int16)
    joined_RD = torch.empty_like(tables_RD)
    for word_RD, half_RH in zip(
        torch.split(joined_RD.view(torch.int32), _BLOCK_ROWS), torch.split(halves_RH, _BLOCK_ROWS), strict=True
    ):
        word_RD.copy_((half_RH[:, :width].to(torch.int32) << 16) + half_RH[:, width:])
    return joined_RD


class JoinedTables(Mapping[str, Tensor]):
    """Weights by name, of which a split table is joined when it is taken: at most one copy of a table at a time."""

    def __init__(self, split: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> None:
        self._split = split
        self._others = others

    def __len__(self) -> int:
        return len(self._split) + len(self._others)

    def __iter__(self) -> Iterator[str]:
        yield from self._split
        yield from self._others

    def __getitem__(self, name: str) -> Tensor:
        """Return a weight in fp32."""
        return joined(self._split[name]) if name in self._split else self._others[name]
