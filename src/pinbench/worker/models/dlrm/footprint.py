"""How much memory a step takes besides the weights and its batch, before anything is made."""

from itertools import pairwise

from pinbench.base.units import round_up
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.lookup_dots import lookup_dots_bytes

_INDEX_BYTES = 8
_PANEL_OUTPUTS = 64  # no kernel has wider panels: two registers of 16 numbers
_GROUP_INPUTS = 4  # inputs that lie side by side: four codes, two of bfloat16
_OUTPUT_BYTES = 12  # beside its weights: start of the sum, scale and bias
_NUMBER_BYTES = 4  # of fp32


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
    indices = config.num_ids + config.num_tables if config.hots else config.num_tables  # of bags their begins besides
    rows_bytes = batch_size * _INDEX_BYTES * indices + bottom_bytes * config.num_tables
    cross_bytes = number_bytes * (2 * config.over[0] + config.cross_rank) if config.cross_layers else 0
    return bottom_bytes + number_bytes * config.over[0] + max(layers_bytes, rows_bytes, cross_bytes)


def packed_bytes(config: DlrmConfig) -> int:
    """Return the most that the layers of both stacks take in panels, in any precision."""
    layers = [pair for stack in (config.bottom, config.over) for pair in pairwise(stack)]
    return sum(
        round_up(outputs, _PANEL_OUTPUTS) * (round_up(inputs, _GROUP_INPUTS) * _NUMBER_BYTES + _OUTPUT_BYTES)
        for inputs, outputs in layers
    )


def training_step_bytes(config: DlrmConfig, rows: int, batch_size: int) -> int:
    """Return the most that a training step in fp32 or bfloat16 takes besides weights, their gradients and its batch.

    `rows` rows at a time go forward and back, of `batch_size` in all: what each layer gives is kept for the way back,
    the features and their dots with their gradients, and, until the last of the rows is done, the gradient of each row
    of a table that any of them has met.
    """
    features, width = config.num_tables + 1, config.embedding_dim
    layers = 2 * (sum(config.bottom) + sum(config.over))
    crossed = 2 * features * width + 2 * features * features
    if config.interaction is Interaction.DCN:
        # Of each layer its input, what lies between its matrices, and their product; and as many gradients.
        crossed = 2 * width * features + 2 * config.cross_layers * (2 * width * features + config.cross_rank)
    met_bytes = config.num_tables * 2 * _NUMBER_BYTES * width + config.num_ids * 4 * _INDEX_BYTES
    return rows * _NUMBER_BYTES * (layers + crossed) + batch_size * met_bytes
