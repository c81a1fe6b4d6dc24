"""From levels to probabilities: the evidence of each candidate pair, and how likely it is one person."""

from dataclasses import dataclass

import numpy as np

from linkage.blocking import Candidates
from linkage.compare import UNKNOWN, Compared
from linkage.identifiers import CERTAIN_WEIGHT
from linkage.model import PairModel
from linkage.posterior import Scope, duplicate_odds, match_odds, prior_odds
from linkage.rarity import rarity
from linkage.relatives import are_alike

# A pair whose comparisons give less evidence for one person than this (log2 of m over u) is dropped at once.
MINIMUM_EVIDENCE = -10.0
WEIGHED_AT_ONCE = 500_000
OTHER_IDENTIFIER = 0.05
"""How often two records of one person give different values of a direct identifier: a mistake, or a second number."""


@dataclass(frozen=True)
class Scored:
    """The pairs of two sources that may be one person: nodes, log2 odds and probability that they are.

    `unrivalled` is the probability that a pair would have if its subjects had no other candidates, `evidence` the
    log2 of m over u, and `prior` the log2 odds of a pair without evidence.
    """

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    probability: np.ndarray
    unrivalled: np.ndarray
    evidence: np.ndarray
    prior: float


def evidence(
    model: PairModel, candidates: Candidates, compared: Compared, places: np.ndarray, names: np.ndarray
) -> np.ndarray:
    """Return the evidence of the pairs at `places`: log2 of m over u, added over all comparisons, 6 decimals.

    It is the sum of `contributions`.
    """
    parts = contributions(model, candidates, compared, places, names)
    total = np.zeros(len(places))
    for part in parts.values():
        total += part
    return np.round(total, 6)


NAMESAKES, RELATED = "namesakes", "relatives"
"""The contributions that are no comparison: of two names together, and of a household."""


def contributions(
    model: PairModel, candidates: Candidates, compared: Compared, places: np.ndarray, names: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what each comparison adds to the evidence of the pairs at `places`, in bits, and what goes off it.

    Agreement on a value whose frequency is known is weighed by it: u is then the share of records with the value. Two
    names that agree are weighed by how often two people share names as rare as these (`names`: the supposed frequency
    of the names of each node), and a pair with one family name and address by how alike relatives are.
    """
    weights, log_u = model.weights, _log2(model.u)
    of_namesakes, of_relatives = _log2(model.namesake_u), _log2(model.relatives)
    parts: dict[str, np.ndarray] = {}
    strangers = np.zeros(len(places))
    relatives = np.full(len(places), _log2(np.array(model.relatives_rate)))
    given, family = _names_agree(model, compared.levels[places])
    both_names = given & family
    same_origin = {"sex": given, "middle_name": both_names}
    for at in model.compared:
        comparison = model.comparisons[at]
        levels = compared.levels[places, at]
        known = levels != UNKNOWN
        at_level = np.where(known, levels, 0)
        u = np.where(
            same_origin.get(comparison.name, given | family), of_namesakes[at][at_level], log_u[at][at_level]
        )
        parts[comparison.name] = np.where(known, weights[at, at_level] + log_u[at][at_level] - u, 0.0)
        strangers += np.where(known, u, 0.0)
        relatives += np.where(known, of_relatives[at][at_level], 0.0)
        for number, level in enumerate(comparison.levels):
            if level.frequency:
                frequency = compared.frequency[level.frequency][places].astype(np.float64)
                weighed = (levels == number) & (frequency > 0)
                rarer_than_all = np.log2(model.u[at, number] / np.where(weighed, frequency, 1.0))
                rare = f"{comparison.name}{RARE}"
                parts[rare] = parts.get(rare, np.zeros(len(places))) + np.where(weighed, rarer_than_all, 0.0)
                strangers -= np.where(weighed, rarer_than_all, 0.0)
    rarer = np.minimum(names[candidates.left[places]], names[candidates.right[places]])
    excess = np.where(both_names, np.log2(model.namesakes[rarity(rarer)]), 0.0)
    parts[NAMESAKES] = -excess
    strangers += excess
    if model.relatives_rate > 0:
        related = are_alike(model.comparisons, compared.levels[places])
        alike = np.log2(1 + np.exp2(np.minimum(relatives - strangers, 1000.0)))
        parts[RELATED] = -np.where(related, alike, 0.0)
    return parts


RARE = ", by its frequency"
"""What follows the name of a comparison whose value is rarer or more frequent than values of its level are."""


def _evidence_of_all(
    model: PairModel, candidates: Candidates, compared: Compared, places: np.ndarray, names: np.ndarray
) -> np.ndarray:
    """Return the `evidence` of all pairs at `places`: so many at a time that they need little memory."""
    total = np.empty(len(places))
    for start in range(0, len(places), WEIGHED_AT_ONCE):
        inside = slice(start, start + WEIGHED_AT_ONCE)
        total[inside] = evidence(model, candidates, compared, places[inside], names)
    return total


def _log2(values: np.ndarray) -> np.ndarray:
    return np.log2(np.maximum(values, 1e-300))


def _names_agree(model: PairModel, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs agree, or are alike, in the given and in the family name.

    The last two levels of a name (somewhat alike, different) are no agreement, nor is a name that is not compared.
    """
    places = {comparison.name: at for at, comparison in enumerate(model.comparisons)}
    given, family = (
        levels[:, places[name]] < len(model.comparisons[places[name]].levels) - 2
        for name in ("given_name", "family_name")
    )
    return given, family


def score(
    model: PairModel,
    candidates: Candidates,
    compared: Compared,
    places: np.ndarray,
    scope: Scope,
    names: np.ndarray,
    unit: np.ndarray,
    identified: np.ndarray,
    duplicate_share: float,
) -> Scored:
    """Return the probabilities of the candidate pairs (at `places`) of two sources, or of one with itself.

    `unit` has, for every node, the first node of its source that is the same person. Nodes of one unit are one
    partner to other sources, and the best of their pairs counts. `identified` has the bits of the direct identifiers
    that link and that a node has: two nodes of different sources with a bit in common have different values, or they
    would be linked, and that speaks against them.
    """
    found = _evidence_of_all(model, candidates, compared, places, names)
    if model.left != model.right:
        contradicted = identified[candidates.left[places]] & identified[candidates.right[places]] != 0
        found = np.round(found + np.where(contradicted, np.log2(OTHER_IDENTIFIER), 0.0), 6)
    likely = found >= MINIMUM_EVIDENCE
    left, right, found = candidates.left[places[likely]], candidates.right[places[likely]], found[likely]
    if model.left == model.right:
        odds = duplicate_odds(found, scope.left, duplicate_share)
        alone = odds
    else:
        odds, matched = _of_units(unit[left], unit[right], found, scope)
        alone = prior_odds(matched, scope) * np.exp2(np.clip(found, -60, 120))
    weight = np.round(np.log2(np.maximum(odds, 2.0**-60)), 6)
    probability = np.round(np.clip(odds / (1 + odds), 1e-9, 1 - 1e-9), 9)
    # a link by a direct identifier outweighs them all
    # any pair tells it, best one whose evidence is small: the odds of others are bounded
    middle = int(np.argmin(np.abs(found))) if len(found) else 0
    prior = float(np.log2(alone[middle]) - found[middle]) if len(found) else np.nan
    return Scored(left, right, np.minimum(weight, CERTAIN_WEIGHT - 1), probability, alone / (1 + alone), found, prior)


def _of_units(left: np.ndarray, right: np.ndarray, found: np.ndarray, scope: Scope) -> tuple[np.ndarray, float]:
    """Return the odds that the units of each pair are one person, by the best of their pairs, and how many are."""
    units, pair = np.unique(np.column_stack([left, right]), axis=0, return_inverse=True)
    if len(units) == len(left):
        return match_odds(left, right, found, scope)
    best = np.full(len(units), -np.inf)
    np.maximum.at(best, pair, found)
    odds, matched = match_odds(units[:, 0], units[:, 1], best, scope)
    return odds[pair], matched
