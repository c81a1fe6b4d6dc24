"""Training of linkage models without any truth: m and u of every level, for each pair of sources.

u comes from sampled pairs known to be two people (`u_probabilities.py`). m comes from expectation-maximisation (W.
Winkler 1988, "Using the EM algorithm for weight computation in the Fellegi-Sunter model of record linkage") with u
fixed, in blocks of pairs that agree on the columns of one rule: each rule trains the comparisons that have nothing to
do with its columns. Pairs with the same levels are counted first and then weighted, so that the cost of an iteration
does not depend on the number of pairs.

The stated probabilities are the prior of the pooled model of all pairs of sources, and that is the prior of each
model of two sources. Either is worth `PRIOR_PAIRS` pairs (a Dirichlet prior), so that a pair of sources with few
people mostly has the pooled probabilities.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from linkage.blocking import NAMES, RELATIVES, Candidates
from linkage.compare import UNKNOWN, Compared, by_source_pair
from linkage.comparisons import Comparison
from linkage.model import PairModel
from linkage.namesakes import excess, u_of_namesakes
from linkage.rarity import RARITY_CLASSES, rarity
from linkage.relatives import are_alike, shares_of
from linkage.subjects import Subjects
from linkage.u_probabilities import ENOUGH_KNOWN, KnownPeople
from pipeline.errors import UserError
from pipeline.toml_files import read_toml

DEFAULTS = Path(__file__).with_name("default_probabilities.toml")
DECIMALS = 9
PRIOR_PAIRS = 20.0
"""How many pairs of one person the probabilities of the pooled model, or the stated ones, are worth."""
PRIOR_EVENTS = 3.0
"""How many pairs of two people at a level the stated u of the level is worth."""
OWN_MODEL = 200.0
"""Expected pairs of one person in training from which a model is called that of its own two sources, not pooled."""
ITERATIONS = 200
TOLERANCE = 1e-7
SMALL_CHANGE = 1e-6
RARE = 0.05
"""Mean number of namesakes of a subject up to which names are rare: those who share them are mostly one person."""
IDENTIFYING_COMPARISONS = 3
"""Two classes of pairs are identified by three comparisons (L. Goodman 1974, Biometrika 61, section 2)."""
MOSTLY_KNOWN = 0.1
"""The share of the pairs of a block that a comparison must be able to compare, to count as one of the three."""


def stated_probabilities(comparisons: Sequence[Comparison]) -> tuple[np.ndarray, np.ndarray]:
    """Return the stated m and u of every level (comparisons by levels); raises `UserError` if one is missing."""
    stated = read_toml(DEFAULTS)
    shape = (len(comparisons), max(len(one.levels) for one in comparisons))
    m, u = np.zeros(shape), np.zeros(shape)
    for at, comparison in enumerate(comparisons):
        for number, level in enumerate(comparison.levels):
            values = stated.get(comparison.stated_as, {}).get(level.name)
            if not values:
                raise UserError(f"{DEFAULTS}: no probabilities of '{level.name}' under [{comparison.stated_as}].")
            m[at, number], u[at, number] = values["m"], values["u"]
        m[at] /= m[at].sum()
    return m, u


def stated_weights(comparisons: Sequence[Comparison]) -> np.ndarray:
    """Return the stated evidence of every level: log2 of m over u."""
    m, u = stated_probabilities(comparisons)
    return np.log2(np.where(m > 0, m, 1.0) / np.where(u > 0, u, 1.0))


def u_of(counts: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return u from the `counts` of pairs at each level (comparisons by levels), with a prior u of each level."""
    total = counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(prior > 0, PRIOR_EVENTS / prior, 0.0)
        u = np.where(prior > 0, (counts + PRIOR_EVENTS) / (total + weight), 0.0)
    return np.round(u, 12)


class Patterns:
    """Pairs counted by their levels: `levels` (patterns by comparisons) and `pairs` at each pattern."""

    def __init__(self, levels: np.ndarray) -> None:
        """Count pairs by their levels (pairs by comparisons, `UNKNOWN` where they cannot be compared)."""
        # four bits a comparison: no comparison has more than fifteen levels, and up to sixteen comparisons are made
        packed = np.zeros(len(levels), dtype=np.uint64)
        for at in range(levels.shape[1]):
            packed = packed << np.uint64(4) | (levels[:, at] & np.uint8(15)).astype(np.uint64)
        counted = pl.DataFrame({"packed": packed}).group_by("packed").len().sort("packed")
        self.pairs = counted["len"].to_numpy().astype(np.float64)
        shifts = np.arange(levels.shape[1] - 1, -1, -1, dtype=np.uint64) * np.uint64(4)
        unpacked = (counted["packed"].to_numpy()[:, None] >> shifts & np.uint64(15)).astype(np.uint8)
        self.levels = np.where(unpacked == 15, UNKNOWN, unpacked)


def expected_matches(
    patterns: Patterns,
    trained: Sequence[int],
    lowest: Sequence[int],
    u: np.ndarray,
    m: np.ndarray,
    known_share: float | None = None,
) -> np.ndarray:
    """Return the expected number of pairs of one person at each level of the `trained` comparisons, others zero.

    Expectation-maximisation over the pairs of one block: a share of them are one person, with m, the others two, with
    `u`. It starts from `m`, which is also a prior worth `PRIOR_PAIRS` pairs. `lowest` is the last level of each
    comparison. In a block that leaves fewer than three comparisons, pairs of one person at the lowest level cannot be
    told from pairs of two people: the share of that level stays as in the prior, unless the share of pairs of one
    person is known (`known_share`).
    """
    expected = np.zeros_like(m)
    pairs = patterns.pairs.sum()
    if not pairs or not len(trained):
        return expected
    levels = patterns.levels[:, trained]
    known = levels != UNKNOWN
    often_known = (patterns.pairs @ known) / pairs >= MOSTLY_KNOWN
    identified = often_known.sum() >= IDENTIFYING_COMPARISONS or known_share is not None
    prior = m
    at = np.where(known, levels, 0)
    of_two = np.where(known, u[trained, at], 1.0).prod(axis=1)
    share, m = (0.5 if known_share is None else known_share), m.copy()
    for _ in range(ITERATIONS):
        of_one = np.where(known, m[trained, at], 1.0).prod(axis=1)
        matching = patterns.pairs * share * of_one / np.maximum(share * of_one + (1 - share) * of_two, 1e-300)
        expected[:] = 0.0
        for column, comparison in enumerate(trained):
            np.add.at(expected[comparison], at[known[:, column], column], matching[known[:, column]])
            if not identified:
                others = expected[comparison].sum() - expected[comparison, lowest[comparison]]
                share_of_lowest = prior[comparison, lowest[comparison]]
                expected[comparison, lowest[comparison]] = others * share_of_lowest / (1 - share_of_lowest)
        before, share = share, float(np.clip(matching.sum() / pairs, 1e-9, 1 - 1e-9))
        if known_share is not None:
            share = known_share
        before_m, m[trained] = m[trained], m_of(expected, prior)[trained]
        if abs(before - share) < TOLERANCE * share and np.abs(m[trained] - before_m).max() < SMALL_CHANGE:
            break
    return expected


def m_of(expected: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return m from the expected numbers of pairs of one person at each level, with a prior worth `PRIOR_PAIRS`."""
    return (expected + PRIOR_PAIRS * prior) / (expected.sum(axis=1, keepdims=True) + PRIOR_PAIRS)


def train_models(
    subjects: Subjects,
    pairs: Sequence[tuple[int, int]],
    candidates: Candidates,
    compared: Compared,
    known: KnownPeople,
    counts: np.ndarray,
    names: np.ndarray,
    minimum_pairs: int,
) -> list[PairModel]:
    """Return a model of each two sources, trained on the candidate pairs of training rules.

    `counts` are those of `u_probabilities.count_levels`, `names` the supposed frequencies of the names of all nodes.
    A level rests on stated probabilities if fewer than `minimum_pairs` pairs of it were seen, of one person and of
    two people, in its own two sources and in all together.
    """
    comparisons = subjects.comparisons
    lowest = [len(one.levels) - 1 for one in comparisons]
    stated_m, stated_u = stated_probabilities(comparisons)
    pooled_u = u_of(counts.sum(axis=0), stated_u)
    blocks = _training_blocks(subjects, pairs, candidates, compared, known)
    rare = _rare_names(subjects, pairs, candidates, compared, known, names)
    blocks = {uses: [(levels, None) for levels in by_pair] for uses, by_pair in blocks.items()}
    if NAMES in blocks:
        blocks[NAMES] = [
            one if one[1] is not None else before for one, before in zip(rare, blocks[NAMES], strict=True)
        ]

    def trained(allowed: Sequence[int], uses: frozenset[str]) -> list[int]:
        return [at for at in allowed if comparisons[at].name not in uses]

    # a source paired with itself takes m from pairs of different sources: twins would otherwise pass for one person
    # with two given names
    between = [number for number, (left, right) in enumerate(pairs) if left != right] or list(range(len(pairs)))
    pooled = np.zeros_like(stated_m)
    for uses, by_pair in blocks.items():
        everything = trained(range(len(comparisons)), uses)
        for with_share in (False, True):
            chosen = [by_pair[number] for number in between if (by_pair[number][1] is not None) == with_share]
            if chosen:
                size = sum(len(levels) for levels, _ in chosen)
                share = sum(len(levels) * (share or 0.0) for levels, share in chosen) / max(size, 1)
                patterns = Patterns(np.concatenate([levels for levels, _ in chosen]))
                pooled += expected_matches(
                    patterns, everything, lowest, pooled_u, stated_m, share if with_share else None
                )
    pooled_m = m_of(pooled, stated_m)
    related = _relatives(subjects, pairs, candidates, compared, known)
    pooled_shares = shares_of(comparisons, np.concatenate([levels for levels, _ in related]), pooled_u)
    namesakes = _namesakes(subjects, pairs, candidates, compared, known, names)
    pooled_namesakes = u_of_namesakes(comparisons, np.concatenate([levels for _, levels in namesakes]), pooled_u)
    models = []
    for number, (left, right) in enumerate(pairs):
        allowed = subjects.compared(left, right)
        u = u_of(counts[number], pooled_u)
        matches = np.zeros_like(stated_m)
        for uses, by_pair in blocks.items() if number in between else ():
            levels, share = by_pair[number]
            matches += expected_matches(Patterns(levels), trained(allowed, uses), lowest, u, pooled_m, share)
        m = np.where(stated_m > 0, np.maximum(np.round(m_of(matches, pooled_m), DECIMALS), 10.0**-DECIMALS), 0.0)
        origin = "own" if matches.sum(axis=1).max(initial=0.0) >= OWN_MODEL else "pooled"
        seen = np.maximum(matches, pooled), np.maximum(counts[number], counts.sum(axis=0))
        by_default = (seen[0] < minimum_pairs) & (seen[1] < minimum_pairs)
        models.append(
            PairModel(
                subjects.sources[left], subjects.sources[right], comparisons, tuple(allowed),
                subjects.possible(left, right), m, u, by_default,
                namesakes[number][0], u_of_namesakes(comparisons, namesakes[number][1], pooled_namesakes),
                related[number][1], shares_of(comparisons, related[number][0], pooled_shares), origin,
            )
        )  # fmt: skip
    return models


def _namesakes(
    subjects: Subjects,
    pairs: Sequence[tuple[int, int]],
    candidates: Candidates,
    compared: Compared,
    known: KnownPeople,
    names: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each two sources, the excess of namesakes by class of rarity, and the levels of pairs of namesakes.

    Namesakes were born in different years, and are counted for subjects whose own partner is known, if there are
    enough of these. The excess is 1, and there are no pairs, where no dates of birth tell namesakes from one person.
    """
    birth = next(at for at, one in enumerate(subjects.comparisons) if one.name == "date_of_birth")
    places = np.flatnonzero(
        _in_block(candidates, NAMES) & (compared.levels[:, birth] == len(subjects.comparisons[birth].levels) - 1)
    )
    same = known.person[candidates.left[places]] == known.person[candidates.right[places]]
    places = places[~same | (known.person[candidates.left[places]] < 0)]
    found = []
    for of_pair, (left, right) in zip(by_source_pair(candidates.pair[places], len(pairs)), pairs, strict=True):
        inside = places[of_pair]
        of_left = subjects.source == left
        partner_known = (known.sources >> np.uint64(right)) & np.uint64(1) == 1
        if left != right and int((of_left & partner_known).sum()) >= ENOUGH_KNOWN:
            of_left &= partner_known
            inside = inside[partner_known[candidates.left[inside]]]
        of_right = int((names[subjects.source == right] > 0).sum())
        found.append((excess(names[candidates.left[inside]], names[of_left], of_right), compared.levels[inside]))
    return found


def _in_block(candidates: Candidates, uses: frozenset[str]) -> np.ndarray:
    """Return which candidate pairs are of a training rule that trains all but the comparisons `uses`."""
    inside = np.zeros(len(candidates.left), dtype=bool)
    for rule, bit in candidates.training.items():
        if rule.trains_all_but == uses:
            inside |= (candidates.rules >> np.uint64(bit)) & np.uint64(1) == 1
    return inside


def _training_blocks(
    subjects: Subjects,
    pairs: Sequence[tuple[int, int]],
    candidates: Candidates,
    compared: Compared,
    known: KnownPeople,
) -> dict[frozenset[str], list[np.ndarray]]:
    """Return the levels of the pairs of training rules, by the comparisons that a rule uses, then by pair of sources.

    Pairs known to be two people are left out: otherwise namesakes in a household would pass for one person with a
    wrong date of birth.
    """
    two = known.are_two(candidates.left, candidates.right, subjects.source)
    blocks: dict[frozenset[str], list[np.ndarray]] = {}
    for rule, bit in candidates.training.items():
        inside = np.flatnonzero(((candidates.rules >> np.uint64(bit)) & np.uint64(1) == 1) & ~two)
        places = by_source_pair(candidates.pair[inside], len(pairs))
        levels = [compared.levels[inside[one]] for one in places]
        uses = rule.trains_all_but or frozenset()
        if uses == RELATIVES:
            continue
        blocks[uses] = (
            [np.concatenate(both) for both in zip(blocks[uses], levels, strict=True)] if uses in blocks else levels
        )
    return blocks


def _relatives(
    subjects: Subjects,
    pairs: Sequence[tuple[int, int]],
    candidates: Candidates,
    compared: Compared,
    known: KnownPeople,
) -> list[tuple[np.ndarray, float]]:
    """Return, for each two sources, the levels of pairs known to be relatives, and their share of all pairs."""
    inside = _in_block(candidates, RELATIVES)
    two = known.are_two(candidates.left, candidates.right, subjects.source)
    within = subjects.source[candidates.left] == subjects.source[candidates.right]
    two |= within & ~_agree(subjects.comparisons, compared.levels, ("given_name", "date_of_birth"))
    inside &= two & are_alike(subjects.comparisons, compared.levels)
    places = np.flatnonzero(inside)
    related = []
    for one, (left, right) in zip(by_source_pair(candidates.pair[places], len(pairs)), pairs, strict=True):
        size_of = [subjects.source == number for number in (left, right)]
        has_partner = (known.sources >> np.uint64(right)) & np.uint64(1) == 1
        # how many relatives a subject has can be counted only for those whose own partner is known
        counted = len(one) if left == right else int(has_partner[candidates.left[places[one]]].sum())
        seen = float((has_partner & size_of[0]).mean() / max(size_of[0].mean(), 1e-12)) if left != right else 1.0
        possible = float(size_of[0].sum()) * float(size_of[1].sum()) / (2 if left == right else 1)
        rate = counted / max(seen, 0.01) / max(possible, 1.0)
        related.append((compared.levels[places[one]], round(min(rate, 0.5), 12)))
    return related


def _agree(comparisons: Sequence[Comparison], levels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return which pairs are above the last level of all of the named comparisons, or cannot be compared there."""
    agree = np.ones(len(levels), dtype=bool)
    for at, one in enumerate(comparisons):
        if one.name in names:
            agree &= (levels[:, at] < len(one.levels) - 1) | (levels[:, at] == UNKNOWN)
    return agree


def _rare_names(
    subjects: Subjects,
    pairs: Sequence[tuple[int, int]],
    candidates: Candidates,
    compared: Compared,
    known: KnownPeople,
    names: np.ndarray,
) -> list[tuple[np.ndarray, float | None]]:
    """Return, for each two sources, the levels of pairs with the same rare names, and which share is one person.

    How many other people have a subject's names is counted for subjects whose own partner is known, by class of
    rarity. Names of a class with at most `RARE` others for each subject are rare. Pairs with rare names that exceed
    the expected number of namesakes are one person, whatever their dates of birth. The share is None, and there are
    no pairs, where too few such pairs are found.
    """
    places = np.flatnonzero(_in_block(candidates, NAMES))
    classes = rarity(names)
    found = []
    for of_pair, (left, right) in zip(by_source_pair(candidates.pair[places], len(pairs)), pairs, strict=True):
        inside = places[of_pair]
        one, other = candidates.left[inside], candidates.right[inside]
        of_left = (subjects.source == left) & (names > 0)
        partner_known = (known.sources >> np.uint64(right)) & np.uint64(1) == 1
        known_left = np.bincount(classes[of_left & partner_known], minlength=RARITY_CLASSES)
        same = (known.person[one] == known.person[other]) & (known.person[one] >= 0)
        others = np.bincount(classes[one[partner_known[one] & ~same]], minlength=RARITY_CLASSES)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(known_left >= 20, others / np.maximum(known_left, 1), np.inf)
        two = known.are_two(one, other, subjects.source)
        kept = (rate[classes[one]] <= RARE) & ~two
        right_known = (known.sources[subjects.source == right] >> np.uint64(left)) & np.uint64(1) == 1
        unknown_left = np.bincount(classes[of_left & ~partner_known], minlength=RARITY_CLASSES)
        strangers = float((np.where(rate <= RARE, rate, 0.0) * unknown_left).sum()) * (1 - float(right_known.mean()))
        total = int(kept.sum())
        if left == right or total < OWN_MODEL:
            found.append((compared.levels[inside[:0]], None))
            continue
        found.append((compared.levels[inside[kept]], float(np.clip(1 - strangers / total, 1e-6, 1 - 1e-6))))
    return found
