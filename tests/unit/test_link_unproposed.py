"""Pairs of one person that no rule proposes: a table by hand, drawn tables, and their parts."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.blocking import Rule
from linkage.unproposed import Table, _Reach, pooled, unproposed

COLUMNS = ("first_name", "family_name", "date_of_birth", "postcode")
PLAN = tuple(Rule(two) for two in combinations(COLUMNS, 2))
REACH = _Reach.of(PLAN)
WHOLE = tuple(range(len(PLAN)))
PARTS = ("given name", "family name", "date of birth", "place")
"""Four parts, and a rule for each two of them: a pair with three wrong parts is proposed by none."""


def table(agree, weight=None, whole=WHOLE):
    """Return the table of pairs that agree (columns: `PARTS`)."""
    agree = np.asarray(agree, dtype=bool)
    state = np.zeros((len(agree), len(REACH.parts)), dtype=np.int64)
    for at, part in enumerate(REACH.parts):
        state[:, at] = agree[:, PARTS.index(part)]
    return Table(REACH, state, np.ones(len(agree)) if weight is None else weight, whole, frozenset(COLUMNS))


def drawn(draw, people, careless, rates):
    """Return which parts agree of people, a share of whom are careless, with the rate of errors of either class."""
    poor = draw.random(people) < careless
    wrong = np.where(poor, rates[1], rates[0])
    return draw.random((people, 4)) >= wrong[:, None]


def proposed(agree):
    return agree[agree.sum(axis=1) >= 2]


def test_without_errors_nobody_is_missing():
    assert unproposed(table(np.ones((500, 4)))).pairs == pytest.approx(0, abs=1e-6)


def test_independent_errors_by_hand():
    """Each part is wrong in a fifth of 10,000 pairs: of these, .2⁴ + 4 · .8 · .2³ are wrong in three or four."""
    rows = [
        row
        for row in product((0, 1), repeat=4)
        for _ in range(round(10_000 * np.prod([0.8 if one else 0.2 for one in row])))
    ]
    seen = proposed(np.array(rows))
    assert len(rows) - len(seen) == 272
    assert unproposed(table(seen)).pairs == pytest.approx(272, rel=0.15)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 1000), st.floats(0.05, 0.15), st.floats(0.02, 0.08))
def test_of_errors_that_go_together_more_is_found_than_independence_says(seed, careless, rate):
    """Independence finds a small part of those wrong in three parts, two classes a good part, and not too many.

    Parts that are only right or wrong do not tell how careless the careless are: more states do.
    """
    agree = drawn(np.random.default_rng(seed), 40_000, careless, (rate, 0.5))
    seen = proposed(agree)
    missing = len(agree) - len(seen)
    wrong = (1 - seen.mean(axis=0)).mean()
    found = unproposed(table(seen)).pairs
    assert found > 2 * 40_000 * (wrong**4 + 4 * (1 - wrong) * wrong**3)
    assert 0.15 * missing < found < 1.3 * missing


def test_each_proposed_pair_stands_for_those_of_its_class():
    seen = proposed(drawn(np.random.default_rng(3), 30_000, 0.1, (0.03, 0.5)))
    found = unproposed(table(seen))
    assert found.of_pair.sum() == pytest.approx(found.pairs)
    assert found.of_pair[seen.sum(axis=1) == 2].mean() > 10 * found.of_pair[seen.sum(axis=1) == 4].mean()


def test_a_rule_that_leaves_pairs_out_reaches_nothing_for_certain():
    """Without the last rule, names that are both wrong are among the unseen: what it found of them counts off."""
    agree = drawn(np.random.default_rng(4), 30_000, 0.0, (0.15, 0.15))
    seen = proposed(agree)
    missing = len(agree) - len(seen)
    assert unproposed(table(seen, whole=WHOLE[:-1])).pairs == pytest.approx(missing, rel=0.35)


def test_few_pairs_take_after_those_of_all_sources():
    draw = np.random.default_rng(5)
    rates = (0.03, 0.5)
    many, few = drawn(draw, 40_000, 0.1, rates), drawn(draw, 60, 0.1, rates)
    of_many = unproposed(table(proposed(many)))
    prior = pooled([(40_000.0, of_many)])
    small = table(proposed(few))
    expected = 60 * of_many.pairs / 40_000
    assert abs(unproposed(small, prior).pairs - expected) < 1.5
    assert pooled([]) is None


def test_parts_are_those_that_whole_rules_of_recorded_columns_need():
    everything = table(np.ones((1, 4)))
    assert everything.parts() == set(PARTS)
    names = Table(REACH, everything.state, everything.weight, (0,), frozenset(COLUMNS))
    assert names.parts() == {"given name", "family name"}
    nameless = Table(REACH, everything.state, everything.weight, WHOLE, frozenset(COLUMNS[1:]))
    assert nameless.parts() == set(PARTS[1:])
