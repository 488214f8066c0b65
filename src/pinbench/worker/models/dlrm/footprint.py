"""How much memory a step takes besides the weights and its batch, before anything is made."""

from itertools import pairwise

from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.lookup_dots import lookup_dots_bytes

_INDEX_BYTES = 8


def step_bytes(config: DlrmConfig, batch_size: int, itemsize: int) -> int:
    """Return the most that is alive at one time; `itemsize` is of an activation.

    Two layers of an MLP at a time, what the bottom MLP gave, and the features, which dots keep in buffers of their own.
    """
    number_bytes = batch_size * itemsize
    pairs = [sum(pair) for stack in (config.bottom, config.over[1:]) for pair in pairwise(stack)]
    layers_bytes, bottom_bytes = number_bytes * max(pairs), number_bytes * config.embedding_dim
    if config.interaction is Interaction.DOT:
        features = config.num_tables + 1
        return layers_bytes + bottom_bytes + lookup_dots_bytes(features, config.embedding_dim, batch_size, itemsize)
    rows_bytes = batch_size * _INDEX_BYTES * config.num_tables + bottom_bytes * config.num_tables
    return bottom_bytes + number_bytes * config.over[0] + max(layers_bytes, rows_bytes)
