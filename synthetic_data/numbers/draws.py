"""Random streams: each decision draws from a stream of its own name, so a new one changes no other draw."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Days = NDArray[np.int64]
Drawn = TypeVar("Drawn", np.uint64, np.float64)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
LARGEST = 1e15
"""A longer lag, from an error rate of absurd size, could not be added to a day."""
_BLOCK = 1 << 15
"""Entities drawn for at a time: the mixer passes over them many times, and this number fits in a core's cache."""


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter all bits of numbers by the finaliser of splitmix64, a bijection (Steele, Lea and Flood, 2014)."""
    for shift, factor in ((np.uint64(30), _FIRST), (np.uint64(27), _SECOND)):
        state ^= state >> shift
        state *= factor
    state ^= state >> np.uint64(31)
    return state


def _stream_key(seed: int, stream: str) -> np.uint64:
    digest = hashlib.blake2b(f"{seed}\x1f{stream}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def scatter(seed: int, stream: str, entities: ArrayLike, *more: ArrayLike) -> NDArray[np.uint64]:
    """Return 64 random bits for each entity: a hash of (seed, stream, entity, ...); entities are integers.

    With one array of entities the map is a bijection, so distinct entities never share a number.
    """
    return _in_blocks(_bits, np.uint64, _stream_key(seed, stream), entities, *more)


def draws(seed: int, stream: str, entities: ArrayLike, *more: ArrayLike) -> Floats:
    """Return a uniform number in [0, 1) for each entity.

    `stream` names what is decided, and `more` distinguishes repeated decisions of one entity (by year, or by the
    number of the move). Nothing else enters, so adding people or another stream changes no number.
    """
    return _in_blocks(_uniform, np.float64, _stream_key(seed, stream), entities, *more)


def _in_blocks(
    draw: Callable[..., NDArray[Drawn]], kind: type[Drawn], key: np.uint64, *columns: ArrayLike
) -> NDArray[Drawn]:
    with np.errstate(over="ignore"):
        if np.size(columns[0]) <= _BLOCK:
            return draw(key, *columns)
        every = np.broadcast_arrays(*columns)
        drawn = np.empty(len(every[0]), dtype=kind)
        for begin in range(0, len(drawn), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            drawn[block] = draw(key, *(column[block] for column in every))
        return drawn


def _bits(key: np.uint64, entities: ArrayLike, *more: ArrayLike) -> NDArray[np.uint64]:
    state = _mix(_spread(entities, key))
    for other in more:
        state = _mix(state + _mix(_spread(other, _FIRST)))
    return state


def _spread(entities: ArrayLike, start: np.uint64) -> NDArray[np.uint64]:
    return np.asarray(entities).astype(np.uint64) * _GOLDEN + start


def _uniform(key: np.uint64, *columns: ArrayLike) -> Floats:
    return (_bits(key, *columns) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def log_normal(uniform: Floats, median: ArrayLike, sigma: ArrayLike) -> Floats:
    """Return log-normal values, `LARGEST` at most, with a median and the standard deviation of their logarithm."""
    normal = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
    with np.errstate(over="ignore"):
        return np.minimum(np.asarray(median) * np.exp(np.asarray(sigma) * normal), LARGEST)


def exponential(uniform: Floats, mean: ArrayLike) -> Floats:
    """Return exponential values, `LARGEST` at most, with a mean."""
    return np.minimum(-np.log1p(-uniform) * np.asarray(mean), LARGEST)


def pick(uniform: Floats, weights: ArrayLike) -> NDArray[np.int64]:
    """Return the index of a category for each uniform number, drawn with the given weights."""
    cumulated = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(cumulated / cumulated[-1], uniform, side="right"), len(cumulated) - 1)


def between(uniform: Floats, low: ArrayLike, high: ArrayLike) -> Floats:
    """Return uniform values in [low, high)."""
    return np.asarray(low) + uniform * (np.asarray(high) - np.asarray(low))
