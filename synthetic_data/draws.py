"""Keyed random draws: the same person draws the same number whatever else is simulated."""

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of splitmix64 (Steele, Lea and Flood, 2014): a bijection that scatters all bits."""
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


def _stream_key(seed: int, stream: str) -> np.uint64:
    digest = hashlib.blake2b(f"{seed}\x1f{stream}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def scatter(seed: int, stream: str, entities: ArrayLike, *more: ArrayLike) -> NDArray[np.uint64]:
    """Return 64 random bits for each entity: a hash of (seed, stream, entity, ...); entities are integers.

    With one array of entities the map is a bijection, so distinct entities never share a number.
    """
    with np.errstate(over="ignore"):
        state = _mix(np.asarray(entities).astype(np.uint64) * _GOLDEN + _stream_key(seed, stream))
        for other in more:
            state = _mix(state + _mix(np.asarray(other).astype(np.uint64) * _GOLDEN + _FIRST))
    return state


def draws(seed: int, stream: str, entities: ArrayLike, *more: ArrayLike) -> Floats:
    """Return a uniform number in [0, 1) for each entity.

    `stream` names what is decided, and `more` tells repeated decisions of one entity apart (its year, its
    number of the move). Nothing else enters: adding people, or another stream, moves no number.
    """
    bits = scatter(seed, stream, entities, *more) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def log_normal(uniform: Floats, median: ArrayLike, sigma: ArrayLike) -> Floats:
    """Return log-normal values with a median and the standard deviation of their logarithm."""
    return np.asarray(median) * np.exp(np.asarray(sigma) * ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)))


def exponential(uniform: Floats, mean: ArrayLike) -> Floats:
    """Return exponential values with a mean."""
    return -np.log1p(-uniform) * np.asarray(mean)


def pick(uniform: Floats, weights: ArrayLike) -> NDArray[np.int64]:
    """Return for each uniform number the index of a category, drawn with the given weights."""
    cumulated = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(cumulated / cumulated[-1], uniform, side="right"), len(cumulated) - 1)


def between(uniform: Floats, low: ArrayLike, high: ArrayLike) -> Floats:
    """Return uniform values in [low, high)."""
    return np.asarray(low) + uniform * (np.asarray(high) - np.asarray(low))
