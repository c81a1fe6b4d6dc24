"""u: how often records of two different people are at a level of a comparison, from sampled pairs of two people.

A pair is known to be two people if a match-key or identifier links its left subject with somebody else in the right
source. Left subjects are drawn from those of whom this is known, if there are enough; otherwise from all. Pairs that
are one person beyond doubt by the stated probabilities are left out. Without these conditions the few pairs of one
person would dominate rare levels. For comparisons whose levels presume the same year of birth, pairs born in the same
year are sampled.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linkage.compare import UNKNOWN, compare
from linkage.subjects import Subjects

BEYOND_DOUBT = 15.0
"""Stated evidence (log2 of m over u) from which a sampled pair is taken for one person."""
ENOUGH_KNOWN = 500
"""Subjects of a source with a known partner from which pairs are drawn; with fewer, they are drawn from all."""


@dataclass(frozen=True)
class Sample:
    """Nodes of sampled pairs and the number of their pair of sources; `same_year` says how they were drawn."""

    left: np.ndarray
    right: np.ndarray
    pair: np.ndarray
    same_year: np.ndarray


def count_levels(
    subjects: Subjects,
    pairs: Sequence[tuple[int, int]],
    known: "KnownPeople",
    sizes: Sequence[int],
    stated_weights: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return how many sampled pairs of two people are at each level: by pair of sources, comparison and level.

    About `sizes` pairs of each two sources are drawn at random, and as many who were born in the same year. The array
    has the shape (pairs of sources, comparisons, levels of the longest). Pairs that are one person beyond doubt by
    `stated_weights` (log2 of stated m over u by comparison and level) are left out.
    """
    sample = draw(subjects, pairs, known, sizes, seed)
    found = compare(subjects, sample.left, sample.right)
    comparisons = subjects.comparisons
    at_level = np.where(found.levels == UNKNOWN, 0, found.levels)
    stated = np.where(found.levels == UNKNOWN, 0.0, stated_weights[np.arange(len(comparisons)), at_level]).sum(axis=1)
    two = stated < BEYOND_DOUBT
    counts = np.zeros((len(pairs), len(comparisons), max(len(one.levels) for one in comparisons)), dtype=np.int64)
    for at, comparison in enumerate(comparisons):
        drawn = sample.same_year == (comparison.presumes is not None and known.has_years)
        usable = two & drawn & (found.levels[:, at] != UNKNOWN)
        np.add.at(counts, (sample.pair[usable], at, found.levels[usable, at]), 1)
    return counts


@dataclass(frozen=True)
class KnownPeople:
    """What is known of who is who before any model: `person` numbers the subjects of one person (-1: not known).

    `sources` has a bit for every source in which the person of a node has a subject; `year` is the earliest year in
    which the subject of a node can have been born (-1: unknown).
    """

    person: np.ndarray
    sources: np.ndarray
    year: np.ndarray

    @property
    def has_years(self) -> bool:
        """Whether any year of birth is known."""
        return bool((self.year >= 0).any())

    def are_two(self, left: np.ndarray, right: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Return whether pairs of nodes are known to be two people: one has another partner in the other's source."""
        apart = (self.person[left] != self.person[right]) | (self.person[left] < 0)
        elsewhere = (self.sources[left] >> source[right].astype(np.uint64)) | (
            self.sources[right] >> source[left].astype(np.uint64)
        )
        return apart & ((elsewhere & np.uint64(1)) == 1) & (source[left] != source[right])


def draw(
    subjects: Subjects, pairs: Sequence[tuple[int, int]], known: KnownPeople, sizes: Sequence[int], seed: int
) -> Sample:
    """Draw pairs of nodes of each two sources, not known to be one person: by their numbers, never by a token."""
    nodes = [np.flatnonzero(subjects.source == number) for number in range(len(subjects.sources))]
    drawn: list[tuple[np.ndarray, np.ndarray, int, bool]] = []
    for number, ((left, right), size) in enumerate(zip(pairs, sizes, strict=True)):
        if not len(nodes[left]) or not len(nodes[right]):
            continue
        with_partner = nodes[left][(known.sources[nodes[left]] >> np.uint64(right)) & np.uint64(1) == 1]
        origin = with_partner if len(with_partner) >= ENOUGH_KNOWN and left != right else nodes[left]
        random = _generator(seed, f"u/{subjects.sources[left]}/{subjects.sources[right]}")
        one = origin[random.integers(0, len(origin), size)]
        drawn.append((one, nodes[right][random.integers(0, len(nodes[right]), size)], number, False))
        if known.has_years:
            one = origin[random.integers(0, len(origin), size)]
            drawn.append((*_of_same_year(one, nodes[right], known.year, random), number, True))
    sample = Sample(
        *(np.concatenate([one[side] for one in drawn]) for side in (0, 1)),
        np.concatenate([np.full(len(one[0]), one[2]) for one in drawn]),
        np.concatenate([np.full(len(one[0]), one[3]) for one in drawn]),
    )
    same = (known.person[sample.left] == known.person[sample.right]) & (known.person[sample.left] >= 0)
    two = (sample.left != sample.right) & ~same
    return Sample(sample.left[two], sample.right[two], sample.pair[two], sample.same_year[two])


def _of_same_year(
    one: np.ndarray, others: np.ndarray, year: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return `one` with a random node of `others` born in the same year each; those without any are left out."""
    ordered = others[np.argsort(year[others], kind="stable")]
    first = np.searchsorted(year[ordered], year[one], side="left")
    number = np.searchsorted(year[ordered], year[one], side="right") - first
    place = first + (random.random(len(one)) * number).astype(np.int64)
    has_any = (number > 0) & (year[one] >= 0)
    return one[has_any], ordered[place[has_any]]


def _generator(seed: int, stream: str) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:16], "big")
    return np.random.Generator(np.random.Philox(key=key))
