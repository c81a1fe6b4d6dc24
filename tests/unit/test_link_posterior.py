"""The posterior against the enumeration of all matchings of small graphs, and a few by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.posterior import PRIOR_SUBJECTS, Scope, duplicate_odds, match_probabilities


def duplicate_probabilities(evidence, subjects, stated_share):
    odds = duplicate_odds(evidence, subjects, stated_share)
    return odds / (1 + odds)


def search(pairs, left=50, right=60):
    """Return the probabilities of pairs (left, right, evidence), and the number of people in both."""
    sides = (np.array([pair[at] for pair in pairs], dtype=np.int64) for at in (0, 1))
    return match_probabilities(*sides, np.array([pair[2] for pair in pairs], dtype=np.float64), Scope(left, right))


def enumerated(pairs, matched, left=50, right=60):
    """Return the probability of each pair by the weights of all sets of pairs in which nobody has two partners."""
    odds = [matched / ((left - matched) * (right - matched)) * 2.0**evidence for *_, evidence in pairs]
    total, of_pair = 0.0, np.zeros(len(pairs))
    for chosen in range(2 ** len(pairs)):
        inside = [at for at in range(len(pairs)) if chosen >> at & 1]
        if any(len({pairs[at][side] for at in inside}) < len(inside) for side in (0, 1)):
            continue
        weight = math.prod(odds[at] for at in inside)
        total += weight
        of_pair[inside] += weight
    return of_pair / total


EVIDENCE = st.floats(-2, 22)
OTHERS = [(at, at, 60.0) for at in range(20, 40)]
"""People beyond doubt, so that the number of people in both is known."""


@st.composite
def trees(draw):
    """Draw pairs without cycles: each further pair joins a new subject to one that is there."""
    pairs, sides = [(0, 0, draw(EVIDENCE))], ([0], [0])
    for _ in range(draw(st.integers(0, 8))):
        side = draw(st.integers(0, 1))
        known, new = draw(st.sampled_from(sides[side])), len(sides[1 - side])
        sides[1 - side].append(new)
        ends = (known, new) if side == 0 else (new, known)
        pairs.append((*ends, draw(EVIDENCE)))
    return pairs


@settings(max_examples=150, deadline=None)
@given(trees())
def test_without_cycles_the_probabilities_are_those_of_all_matchings(pairs):
    found, matched = search([*pairs, *OTHERS])
    assert found[: len(pairs)] == pytest.approx(enumerated(pairs, matched), abs=2e-4)
    assert matched == pytest.approx(found.sum(), abs=1e-3)


@st.composite
def graphs(draw):
    ends = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=10))
    return [(*end, draw(EVIDENCE)) for end in sorted(ends)]


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_nobody_has_more_than_one_partner_in_expectation_on_either_side(pairs):
    found, matched = search([*pairs, *OTHERS])
    found = found[: len(pairs)]
    assert ((found >= 0) & (found <= 1)).all()
    for side in (0, 1):
        of_subject = np.bincount([pair[side] for pair in pairs], weights=found)
        assert of_subject.max() <= 1 + 1e-3
    assert np.abs(found - enumerated(pairs, matched)).max() < 0.35  # cycles are approximate


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("evidence", [10.0, 25.0, 90.0])
def test_two_equal_candidates_share_one_probability_on_either_side(side, evidence):
    ends = [(0, 0), (0, 1)] if side == 0 else [(0, 0), (1, 0)]
    found, _ = search([*((*end, evidence) for end in ends), *OTHERS])
    assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert found[0] <= 0.5
    assert evidence < 20 or found[0] > 0.49


def test_a_candidate_who_has_a_better_partner_of_his_own_is_no_rival():
    """Father and son are on both sides; the son's record fits both a little, but the father's fits himself."""
    found, _ = search([(0, 0, 30.0), (1, 0, 20.0), (1, 1, 20.0)])
    assert found == pytest.approx([1, 0, 1], abs=0.01)


def test_two_equal_candidates_for_two_equal_subjects_are_open():
    found, _ = search([(0, 0, 30.0), (0, 1, 30.0), (1, 0, 30.0), (1, 1, 30.0)])
    assert found == pytest.approx([0.5] * 4, abs=0.03)  # slow to converge from below


def test_by_hand_the_number_of_people_in_both_makes_the_odds():
    """Thirty certain pairs among 100 and 1000: M = 30, and a further pair of 10 bits has odds 30/(70·970)·2^10."""
    pairs = [(at, at, 60.0) for at in range(30)]
    found, matched = search([*pairs, (40, 40, 10.0)], 100, 1000)
    odds = matched / ((100 - matched) * (1000 - matched)) * 2**10
    assert matched == pytest.approx(30 + odds / (1 + odds), abs=1e-3)
    assert found[-1] == pytest.approx(odds / (1 + odds), abs=1e-4)
    assert 0.3 < found[-1] < 0.35


def test_probabilities_are_calibrated_where_the_model_holds():
    """Two files of one side each: evidence of true partners and of strangers drawn as the model says."""
    random = np.random.default_rng(3)
    size, both, agree, chance = 500, 300, 0.75, 0.08
    weight = np.log2([(1 - agree) / (1 - chance), agree / chance])
    one, other = (axis.ravel() for axis in np.meshgrid(np.arange(size), np.arange(size), indexing="ij"))
    true = (one == other) & (one < both)
    agreed = (random.random((len(one), 4)) < np.where(true, agree, chance)[:, None]).astype(int)
    evidence = weight[agreed].sum(axis=1)
    kept = agreed.sum(axis=1) > 0
    found, matched = match_probabilities(one[kept], other[kept], evidence[kept], Scope(size, size))
    assert matched == pytest.approx(both, rel=0.1)
    for low, high, at_least, noise in ((0.0, 0.1, 10_000, 0.002), (0.3, 0.7, 50, 0.15), (0.9, 1.0, 50, 0.08)):
        band = (found >= low) & (found < high)
        assert band.sum() > at_least
        assert found[band].mean() == pytest.approx(true[kept][band].mean(), abs=noise)


def test_no_pairs_no_probabilities():
    found, matched = search([])
    assert len(found) == 0
    assert matched == 0.0


def test_the_share_of_duplicates_is_stated_and_sinks_where_many_subjects_show_none():
    """Share = (0 + 100·0.01) / (subjects + 100): near the stated one for ten subjects, a tenth of it for 900."""
    for subjects in (10, 900):
        found = duplicate_probabilities(np.array([-20.0]), subjects, 0.01)
        share = PRIOR_SUBJECTS * 0.01 / (subjects + PRIOR_SUBJECTS)
        assert found[0] / (1 - found[0]) == pytest.approx(2 * share / (subjects - 1) * 2**-20, rel=1e-3)


def test_duplicates_that_are_seen_raise_their_share():
    """Fifty certain pairs among 1001 subjects: share = (50 + 100·0.01) / (1001 + 100)."""
    found = duplicate_probabilities(np.array([60.0] * 50 + [8.0]), 1001, 0.01)
    share = (50 + found[-1] + PRIOR_SUBJECTS * 0.01) / (1001 + PRIOR_SUBJECTS)
    assert found[-1] / (1 - found[-1]) == pytest.approx(2 * share / 1000 * 2**8, rel=1e-3)
    assert found[:50] == pytest.approx([1.0] * 50)
