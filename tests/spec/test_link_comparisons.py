"""Each comparison on pairs written by hand: a pair is at the first level whose condition it meets."""

import duckdb
import pytest

from linkage.comparisons import BLOCKING_RULES, COMPARISONS, MINIMUM_COMPARISONS, TRAINING_RULES, comparable, usable
from linkage.training import DEFAULTS
from pipeline.toml_files import read_toml

ALL_COLUMNS = set().union(*(comparison.columns for comparison in COMPARISONS))
BY_NAME = {comparison.name: comparison for comparison in COMPARISONS}


LISTS = {column for comparison in COMPARISONS for one in comparison.levels for column in one.value_lists}


def level(name, **pair):
    """Return the level of a pair: each value is left and right; columns not named differ."""
    comparison = BY_NAME[name]
    differing = {column: ([1], [2]) if column in LISTS else (1, 2) for column in sorted(comparison.columns)}
    values = ", ".join(
        f"{left!r} AS {column}_l, {right!r} AS {column}_r" for column, (left, right) in (differing | pair).items()
    )
    sql = f"SELECT {comparison.case} AS level FROM (SELECT {values.replace('None', 'NULL')})"
    at = duckdb.sql(sql).fetchall()[0][0]
    return None if at is None else comparison.levels[at].name


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ({"given_name": (7, 7), "full_name": (5, 5)}, "equal"),
        ({"given_names": ([3, 7], [7])}, "known"),
        ({"full_name": (5, 5)}, "reordered"),
        ({"given_sound_birth_year": (4, 4)}, "similar"),
        ({"given_prefix_birth_month": (4, 4)}, "similar"),
        ({}, "different"),
        ({"given_name": (None, 7)}, None),
    ],
)
def test_given_name(pair, expected):
    assert level("given_name", **pair) == expected


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ({"date_of_birth": (7, 7)}, "equal"),
        ({"dates_of_birth": ([7, 8], [8])}, "equal"),
        ({"birth_day_month_sorted": (4, 4)}, "day_and_month_swapped"),
        ({"birth_month": (4, 4)}, "one_part_differs"),
        ({"birth_month_day": (4, 4)}, "one_part_differs"),
        ({"birth_year_day": (4, 4)}, "one_part_differs"),
        ({}, "different"),
    ],
)
def test_date_of_birth(pair, expected):
    assert level("date_of_birth", **pair) == expected


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ({"postcode": (7, 7), "area": (3, 3)}, "same_postcode"),
        ({"postcodes": ([7, 8], [9, 8]), "area": (3, 3)}, "known_postcode"),
        ({"area": (3, 3)}, "same_area"),
        ({}, "elsewhere"),
        ({"postcode": (None, 7), "area": (3, 3)}, None),
    ],
)
def test_address_is_one_comparison_in_which_a_mover_can_still_agree(pair, expected):
    assert level("address", **pair) == expected


def test_what_two_sources_do_not_both_have_is_not_compared():
    without_postcode = comparable(ALL_COLUMNS - {"postcode", "postcodes", "area"})
    assert [one.name for one in without_postcode] == ["given_name", "family_name", "date_of_birth", "sex"]
    only_full_names = comparable({"given_name", "sex"})
    assert [(one.name, [level.name for level in one.levels]) for one in only_full_names] == [
        ("given_name", ["equal", "different"]),
        ("sex", ["equal", "different"]),
    ]
    assert only_full_names[0].presumes is None


def test_the_blocking_rules_are_varied_and_most_do_not_use_the_address():
    assert len([rule for rule in BLOCKING_RULES if "postcode" not in rule]) >= 3
    assert len(usable(BLOCKING_RULES, ALL_COLUMNS | {"initials_date_of_birth"})) == len(BLOCKING_RULES)


def test_the_training_rules_are_disjoint_and_train_every_comparison():
    assert not set(TRAINING_RULES[0]) & set(TRAINING_RULES[1])
    trained = [{one.name for one in COMPARISONS if one.columns.isdisjoint(rule)} for rule in TRAINING_RULES]
    assert set().union(*trained) == set(BY_NAME)
    assert min(len(one) for one in trained) >= MINIMUM_COMPARISONS


def test_every_level_has_a_stated_default_and_agreement_outweighs_disagreement():
    defaults = read_toml(DEFAULTS)
    assert {name: list(levels) for name, levels in defaults.items()} == {
        one.name: [level.name for level in one.levels] for one in COMPARISONS
    }
    for levels in defaults.values():
        ratios = [stated["m"] / stated["u"] for stated in levels.values()]
        assert ratios[0] > 1 > ratios[-1]
        assert sum(stated["m"] for stated in levels.values()) == pytest.approx(1, abs=0.02)
