"""Attention within each of several sequences that lie behind each other without padding, in several ways.

Which is fastest depends on the CPU and the library behind each: the engine `pinned` tries them.

N tokens of all sequences, B sequences, S tokens of one, G heads, D width of a head, H hidden width (G * D).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

Attention = Callable[[Tensor, Sequence[int]], Tensor]


def sdpa(qkv_N3GD: Tensor, bounds: Sequence[int]) -> Tensor:
    """Return shape (N, H), by PyTorch's blocked kernel, which keeps no scores."""
    return _joined(functional.scaled_dot_product_attention(*parts) for parts in _sequences(qkv_N3GD, bounds))


def products(qkv_N3GD: Tensor, bounds: Sequence[int]) -> Tensor:
    """Return shape (N, H), by a batched product of all heads, softmax, and another product."""
    return _joined(_by_products(*parts) for parts in _sequences(qkv_N3GD, bounds))


def heads(qkv_N3GD: Tensor, bounds: Sequence[int]) -> Tensor:
    """Return shape (N, H), by oneDNN's products, a head after the other: of fp32 ones PyTorch gives it no batches."""
    return _joined(_by_heads(*parts) for parts in _sequences(qkv_N3GD, bounds))


PATHS: dict[str, Attention] = {"sdpa": sdpa, "products": products, "heads": heads}


def _sequences(qkv_N3GD: Tensor, bounds: Sequence[int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield query, key and value of shape (B, G, S, D): of all sequences at once where they are of one length."""
    lengths = {end - begin for begin, end in pairwise(bounds)}
    blocks = [(0, len(qkv_N3GD))] if len(lengths) == 1 else pairwise(bounds)
    for begin, end in blocks:
        count = len(bounds) - 1 if len(lengths) == 1 else 1
        block_BS3GD = qkv_N3GD[begin:end].view(count, -1, *qkv_N3GD.shape[1:])
        query_BGSD, key_BGSD, value_BGSD = block_BS3GD.permute(2, 0, 3, 1, 4).unbind(0)
        yield query_BGSD, key_BGSD, value_BGSD


def _joined(mixed: Iterator[Tensor]) -> Tensor:
    blocks = [block_BGSD.transpose(1, 2).flatten(0, 1).flatten(1) for block_BGSD in mixed]
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks)


def _by_products(query_BGSD: Tensor, key_BGSD: Tensor, value_BGSD: Tensor) -> Tensor:
    score_BGSS = (query_BGSD * query_BGSD.shape[-1] ** -0.5) @ key_BGSD.mT
    mixed_BGSD: Tensor = score_BGSS.softmax(dim=-1) @ value_BGSD
    return mixed_BGSD


def _by_heads(query_BGSD: Tensor, key_BGSD: Tensor, value_BGSD: Tensor) -> Tensor:
    # Contiguous: a product of strided operands is left to oneDNN's slow reference.
    query_BGSD = (query_BGSD * query_BGSD.shape[-1] ** -0.5).contiguous()
    key_BGSD, value_BGDS = key_BGSD.contiguous(), value_BGSD.mT.contiguous()
    mixed_BGSD = torch.empty_like(query_BGSD)
    for sequence in range(len(query_BGSD)):
        for head in range(query_BGSD.shape[1]):
            place = (sequence, head)
            score_SS = _product(query_BGSD[place], key_BGSD[place])
            mixed_BGSD[place] = _product(score_SS.softmax(dim=-1), value_BGDS[place])
    return mixed_BGSD


def _product(left_SI: Tensor, right_OI: Tensor) -> Tensor:
    output_SO: Tensor = torch.ops.mkldnn._linear_pointwise(left_SI, right_OI, None, "none", [], "")
    return output_SO
