"""Direct identifiers held out: some people whom an identifier links are looked for without it.

Their pairs are known, whatever the models say, so the share that models find of them is the recall of the models
among people who have identifiers. Nothing else of the run knows of it: the pairs are left out of training, links and
people.
"""

from dataclasses import dataclass, replace

import numpy as np

from linkage.blocking import Candidates
from linkage.compare import Compared

SHARE = 0.05
"""The share of people with an identifier who are looked for without it."""
_OF = 1_000_000
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class HeldOut:
    """Pairs that share an identifier and were looked for without it: how many, and how many were found.

    `expected` is the number that the model expected to find.
    """

    pairs: int
    found: int
    expected: float


def held_out_nodes(person: np.ndarray, certain_sources: np.ndarray, seed: int) -> np.ndarray:
    """Return which nodes are held out: a random share of the people whom identifiers join (`person`), by seed."""
    node = person.astype(np.uint64) + np.uint64(seed)
    with np.errstate(over="ignore"):
        mixed = node * _MIX
        mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX
    drawn = (mixed >> np.uint64(32)) % np.uint64(_OF) < np.uint64(int(SHARE * _OF))
    return drawn & (certain_sources != 0)


def split(
    candidates: Candidates, compared: Compared, ruled_out: np.ndarray
) -> tuple[tuple[Candidates, Compared], tuple[Candidates, Compared]]:
    """Return the candidate pairs of the run, and those that identifiers rule out (`ruled_out`): the held-out ones."""
    if not ruled_out.any():  # nothing is copied for nothing: these are the largest arrays of the stage
        return (candidates, compared), _only(candidates, compared, ruled_out)
    return _only(candidates, compared, ~ruled_out), _only(candidates, compared, ruled_out)


def _only(candidates: Candidates, compared: Compared, kept: np.ndarray) -> tuple[Candidates, Compared]:
    chosen = replace(
        candidates, left=candidates.left[kept], right=candidates.right[kept], pair=candidates.pair[kept],
        rules=candidates.rules[kept],
    )  # fmt: skip
    return chosen, Compared(compared.levels[kept], {name: of[kept] for name, of in compared.frequency.items()})


def ruled_out(candidates: Candidates, certain_sources: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return which candidate pairs an identifier rules out: it links a subject with one of the other's source."""
    left, right = candidates.left, candidates.right
    one, other = source[left].astype(np.uint64), source[right].astype(np.uint64)
    linked = (certain_sources[left] >> other) | (certain_sources[right] >> one)
    return (one != other) & ((linked & np.uint64(1)) != 0)
