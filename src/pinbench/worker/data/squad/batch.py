"""Sequences as the model takes them: behind each other without padding, or each filled up to one length.

B sequences, N tokens of all, S positions, C bounds (one more than sequences).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from pinbench.worker.data.squad.features import Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBatch:
    """What one step is given, and which features it is of; the last batch of all may name fewer than it has."""

    inputs: tuple[Tensor, ...]
    lengths: tuple[int, ...]
    features: tuple[int, ...] = ()  # their places among all

    def first(self) -> tuple[Tensor, Tensor]:
        """Return the token and segment ids of the first sequence, shape (length,)."""
        token, segment = (ids[0] if ids.dim() == 2 else ids for ids in self.inputs[:2])
        return token[: self.lengths[0]], segment[: self.lengths[0]]

    def rows(self, logits: Tensor) -> list[Tensor]:
        """Return the logits of each sequence without padding, shape (length, 2) each."""
        if logits.dim() == 3:
            return [logit_S2[:length] for logit_S2, length in zip(logits, self.lengths, strict=True)]
        return [logits[begin:end] for begin, end in pairwise(accumulate(self.lengths, initial=0))]


def without_padding(
    ids: Sequence[Sequence[int]], window_begins: Sequence[int], features: Sequence[int] = ()
) -> TextBatch:
    """Return the sequences behind each other: token, segment and position ids, shape (N,), and bounds, shape (C,)."""
    lengths = tuple(map(len, ids))
    inputs = (
        torch.tensor([piece for sequence in ids for piece in sequence]),
        torch.tensor([int(p >= b) for n, b in zip(lengths, window_begins, strict=True) for p in range(n)]),
        torch.cat([torch.arange(length) for length in lengths]),
        torch.tensor([0, *accumulate(lengths)]),
    )
    return TextBatch(inputs=inputs, lengths=lengths, features=tuple(features))


def padded(
    ids: Sequence[Sequence[int]], window_begins: Sequence[int], positions: int, features: Sequence[int] = ()
) -> TextBatch:
    """Return the sequences filled up: token and segment ids, shape (B, S), and lengths, shape (B,)."""
    lengths = tuple(map(len, ids))
    token_BS = torch.zeros(len(ids), positions, dtype=torch.int64)
    segment_BS = torch.zeros_like(token_BS)
    for row, (sequence, begin) in enumerate(zip(ids, window_begins, strict=True)):
        token_BS[row, : len(sequence)] = torch.tensor(sequence)
        segment_BS[row, begin : len(sequence)] = 1
    return TextBatch(inputs=(token_BS, segment_BS, torch.tensor(lengths)), lengths=lengths, features=tuple(features))


def by_length(features: Sequence[Feature]) -> list[int]:
    """Return the places of `features`, the longest first: those of one batch are of about one length."""
    return sorted(range(len(features)), key=lambda place: -features[place].length)
