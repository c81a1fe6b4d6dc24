"""Random draws of estimation, by seed and stream name (those of the simulator: `synthetic_data/numbers/draws.py`)."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, stream: str) -> np.random.Generator:
    """Return the generator of one named stream of a seed."""
    return np.random.Generator(np.random.Philox(key=_key(seed, stream)))


def keyed_uniforms(seed: int, stream: str, *keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for every row of `keys`, by seed, stream and the row's own keys alone.

    So the number of a person is the same in any order, and among any other people (splitmix64: G. Steele, D. Lea and
    C. Flood 2014, Fast splittable pseudorandom number generators).
    """
    state = np.full(len(keys[0]), _key(seed, stream) & 0xFFFFFFFFFFFFFFFF, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mixed(state + key.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return (state >> np.uint64(11)).astype(np.float64) / 2.0**53


def _key(seed: int, stream: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\x1f{stream}".encode()).digest()[:16], "big")


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return state
