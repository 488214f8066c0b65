"""SplitMix64: random words by their number, so that any of them can be had without those before it.

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
"""

import numpy as np

from pinbench.worker.data.compiled import compiled

_ONE, _GAMMA = np.uint64(1), np.uint64(0x9E3779B97F4A7C15)
_MIX_A, _MIX_B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)


@compiled
def scramble(state: np.uint64) -> np.uint64:
    """Return 64 bits that look random, others for each `state`."""
    word = (state ^ (state >> _S30)) * _MIX_A
    word = (word ^ (word >> _S27)) * _MIX_B
    return word ^ (word >> _S31)


@compiled
def random_word(state: np.uint64, number: np.uint64) -> np.uint64:
    """Return the word `number`, from 0 on, of the generator that begins in `state`."""
    return scramble(state + (number + _ONE) * _GAMMA)
