"""Each comparison on pairs of people written in clear: a pair is at the first level whose condition it meets."""

from datetime import date
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import polars as pl
import pytest
from link_population import people, subjects_of

from linkage.compare import UNKNOWN, compare
from linkage.comparisons import COMPARISONS, comparable, same_identifier
from linkage.model import model_levels
from linkage.subjects import FREQUENCIES
from linkage.training import DEFAULTS, stated_probabilities
from pipeline.errors import UserError
from pipeline.toml_files import read_toml

BY_NAME = {comparison.name: comparison for comparison in COMPARISONS}
BASE = {
    "given_name": "Elena Sofia", "middle_name": None, "family_name": "Marchetti", "full_name": None,
    "former_family_name": None, "date_of_birth": date(1980, 3, 7), "birth_year": None, "birth_year_from": None,
    "birth_year_to": None, "sex": "F", "postcode": "AB1 2CD", "house": "7", "street": "Mill Lane",
    "locality": "Ely", "area": "A1", "nationality": None, "country_of_birth": None, "ethnic_group": None,
    "first_arrival": None,
}  # fmt: skip


def level(comparison, left, right):
    """Return the level of two people in a comparison, each `BASE` but for what is given; None if not comparable."""
    return examples()[str(left), str(right)][comparison]


@cache
def examples():
    """Return the levels of all examples of this module, which are compared at once, in both directions."""
    pairs = [(left, right) for _, left, right, _ in EXAMPLES]
    pairs += [(right, left) for left, right in pairs]
    one, other = (people(*(BASE | pair[side] for pair in pairs)) for side in (0, 1))
    subjects = subjects_of(Path(mkdtemp()), {"a": one, "b": other})
    found = compare(subjects, np.arange(len(pairs)), np.arange(len(pairs)) + len(pairs)).levels
    return {
        (str(left), str(right)): {
            one.name: None if number == UNKNOWN else one.levels[number].name
            for one, number in zip(COMPARISONS, row, strict=True)
        }
        for (left, right), row in zip(pairs, found, strict=True)
    }


def years(first, last):
    """Return what a source that gives an age knows of the birth."""
    return {"date_of_birth": None, "birth_year_from": first, "birth_year_to": last}


STRANGER = {"given_name": "Wojtek", "family_name": "Nguyen"}
GIVEN = [
    ({}, {}, "equal"),
    ({}, {"given_name": "Elena"}, "equal"),  # a part left out: the first is the name
    ({"given_name": "Marchetti", "family_name": "Elena Sofia"}, {}, "reordered"),
    ({"given_name": "Sofia Elena"}, {}, "reordered"),
    ({"given_name": "Wei", "family_name": "Li"}, {"given_name": "Li", "family_name": "Wei"}, "reordered"),
    ({"given_name": "ElenaSofia"}, {}, "known"),  # written in one word
    ({"given_name": "Bill"}, {"given_name": "William"}, "variant"),
    ({"given_name": "Sofia"}, {}, "elsewhere_in_the_name"),  # called by the second name
    ({"given_name": "E"}, {}, "initial"),
    ({"given_name": "Brunhilda"}, {"given_name": "Brynhilda"}, "alike"),  # sound and end
    ({"given_name": "Mohammed"}, {"given_name": "Muhamad"}, "somewhat_alike"),  # sound alone
    ({}, STRANGER, "different"),
    ({"given_name": None}, {}, None),
]


@pytest.mark.parametrize(("left", "right", "expected"), GIVEN)
def test_given_name(left, right, expected):
    assert level("given_name", left, right) == expected
    assert level("given_name", right, left) == expected


FAMILY = [
    ({}, {}, "equal"),
    ({"given_name": "Marchetti", "family_name": "Elena Sofia"}, {}, "reordered"),
    ({"family_name": "Okafor", "former_family_name": "Marchetti"}, {}, "known"),  # a former name
    ({"family_name": "Marchetti-Okafor"}, {}, "elsewhere_in_the_name"),  # one part of a double name
    ({"family_name": "Marchetty"}, {}, "alike"),  # sound and beginning
    ({"family_name": "Marczetti"}, {}, "alike"),  # beginning and end
    ({"family_name": "Marker"}, {}, "somewhat_alike"),  # beginning alone
    ({}, STRANGER, "different"),
    ({"family_name": None}, {}, None),
]


@pytest.mark.parametrize(("left", "right", "expected"), FAMILY)
def test_family_name(left, right, expected):
    assert level("family_name", left, right) == expected
    assert level("family_name", right, left) == expected


IN_BOTH = ({"given_name": "Elena", "family_name": "Marchetti"}, {"given_name": "Sofia", "family_name": "Elena"})


def test_a_part_that_the_given_name_has_in_common_is_no_agreement_of_family_names():
    assert level("given_name", *IN_BOTH) == "elsewhere_in_the_name"
    assert level("family_name", *IN_BOTH) == "different"


ELSE = {"date_of_birth": date(1951, 11, 23), "family_name": "Nguyen", "postcode": "ZE1 9ZZ"}
PARTNERS = [
    ("given_name", {"given_name": "Brunhilda"}, ELSE | {"given_name": "Brynhilda"} | partner, expected)
    for partner, expected in (
        ({"date_of_birth": date(1980, 11, 23)}, "alike"),
        ({"date_of_birth": date(1985, 3, 7)}, "alike"),
        ({"family_name": "Marchetti"}, "alike"),
        ({"postcode": "AB1 2CD"}, "alike"),
        # nothing in common: the codes say nothing, and the names are not compared
        ({}, None),
    )
]
INITIALS = [
    ("given_name", {"given_name": "E"}, {"date_of_birth": date(1951, 1, 1)}, "initial"),
    ("given_name", {"given_name": "E"}, {"family_name": "Nguyen"}, "initial"),
    ("given_name", {"given_name": "W"}, {}, None),
]


@pytest.mark.parametrize(("comparison", "left", "right", "expected"), [*PARTNERS, *INITIALS])
def test_likeness_and_initials_do_not_rest_on_any_one_partner(comparison, left, right, expected):
    assert level(comparison, left, right) == expected


MIDDLE = [
    ({"given_name": "Elena", "middle_name": "Sofia"}, {}, "equal"),  # a second given name
    ({"given_name": "Elena", "middle_name": "S"}, {}, "initial"),
    ({"given_name": "Elena", "middle_name": "Rosa"}, {}, "different"),
    ({"given_name": "Elena"}, {}, None),
]


@pytest.mark.parametrize(("left", "right", "expected"), MIDDLE)
def test_middle_name(left, right, expected):
    assert level("middle_name", left, right) == expected


BIRTH = [
    ({}, {}, "equal"),
    ({"date_of_birth": date(1980, 7, 3)}, {}, "same_year"),  # day and month exchanged: no token tells it
    ({"date_of_birth": date(1980, 3, 8)}, {}, "one_part_differs"),  # day
    ({"date_of_birth": date(1980, 4, 7)}, {}, "same_year"),  # month: no token tells the day
    ({"date_of_birth": date(1981, 3, 7)}, {}, "one_part_differs"),  # year of the decade
    ({"date_of_birth": date(1979, 3, 7)}, {}, "different"),  # year of another decade
    ({"date_of_birth": None, "birth_year": 1980}, {}, "year_alone"),
    (years(1979, 1980), {}, "year_alone"),  # an age
    (years(1978, 1979), {}, "different"),
    ({"date_of_birth": date(1980, 11, 23)}, {}, "same_year"),
    ({"date_of_birth": date(1951, 11, 23)}, {}, "different"),
    ({"date_of_birth": None}, {}, None),
]


@pytest.mark.parametrize(("left", "right", "expected"), BIRTH)
def test_date_of_birth(left, right, expected):
    assert level("date_of_birth", left, right) == expected


FAR = {"postcode": "ZE9 8ZZ", "house": "1", "street": "High Street", "locality": "Hull", "area": "A9"}
ADDRESS = [
    ({}, {}, "three_parts"),
    ({}, FAR | {"postcode": "ab12cd", "locality": "ELY"}, "two_parts"),
    ({}, FAR | {"postcode": "AB1 2CD"}, "same_postcode"),
    ({}, FAR | {"house": "7", "street": "mill-lane"}, "two_parts"),  # the dwelling, and the street
    ({}, FAR | {"locality": "Ely"}, "one_part"),
    ({}, FAR | {"street": "Mill Lane"}, "one_part"),
    ({}, FAR | {"area": "A1"}, "same_area"),
    ({}, FAR, "elsewhere"),
    ({"postcode": None, "street": None, "locality": None, "area": None}, {}, None),
]


@pytest.mark.parametrize(("left", "right", "expected"), ADDRESS)
def test_address_is_one_comparison_in_which_a_mover_can_still_agree(left, right, expected):
    assert level("address", left, right) == expected


def test_a_former_postcode_is_known(tmp_path):
    moved = people(BASE, BASE | FAR).with_columns(pl.lit(1, pl.Int64).alias("subject_id"))
    subjects = subjects_of(tmp_path, {"a": moved, "b": people(BASE | {"house": "9", "street": "X", "locality": "Y"})})
    at = [one.name for one in COMPARISONS].index("address")
    found = compare(subjects, np.array([0]), np.array([1])).levels[0, at]
    assert BY_NAME["address"].levels[found].name == "known_postcode"


OTHERS = [
    ("sex", {}, {}, "equal"),
    ("sex", {"sex": "M"}, {}, "different"),
    ("sex", {"sex": None}, {}, None),
    ("nationality", {"nationality": "PL"}, {"nationality": "PL"}, "equal"),
    ("nationality", {"country_of_birth": "PL"}, {"country_of_birth": "PL"}, "equal"),
    ("nationality", {"nationality": "PL"}, {"country_of_birth": "PL"}, "nationality_of_the_country_of_birth"),
    ("nationality", {"country_of_birth": "PL"}, {"nationality": "PL"}, "nationality_of_the_country_of_birth"),
    ("nationality", {"nationality": "PL"}, {"country_of_birth": "FR"}, "different"),
    ("nationality", {"nationality": "PL"}, {}, None),
    ("ethnic_group", {"ethnic_group": "X"}, {"ethnic_group": "X"}, "equal"),
    ("ethnic_group", {"ethnic_group": "X"}, {"ethnic_group": "Y"}, "different"),
    ("ethnic_group", {"ethnic_group": "X"}, {}, None),
    *(
        ("arrival", {"first_arrival": date(2015, 1, 1)}, {"first_arrival": day}, expected)
        for day, expected in (
            (date(2015, 2, 1), "within_a_month"),
            (date(2015, 2, 2), "within_half_a_year"),
            (date(2014, 7, 2), "within_half_a_year"),
            (date(2016, 12, 31), "within_two_years"),
            (date(2017, 1, 2), "further_apart"),
            (None, None),
        )
    ),
]


@pytest.mark.parametrize(("comparison", "left", "right", "expected"), OTHERS)
def test_other_attributes(comparison, left, right, expected):
    assert level(comparison, left, right) == expected


EXAMPLES = [
    *(("given_name", *one) for one in GIVEN), *(("family_name", *one) for one in FAMILY),
    *(("middle_name", *one) for one in MIDDLE), *(("date_of_birth", *one) for one in BIRTH),
    *(("address", *one) for one in ADDRESS), ("given_name", *IN_BOTH, "elsewhere_in_the_name"),
    *PARTNERS, *INITIALS, *OTHERS,
]  # fmt: skip
BY_HISTORY = {("address", "known_postcode"), ("given_name", "known")}


def test_every_level_of_every_comparison_has_an_example_here():
    seen = {(name, expected) for name, _, _, expected in EXAMPLES} | BY_HISTORY
    assert seen >= {(one.name, level.name) for one in COMPARISONS for level in one.levels}


def test_a_given_name_that_was_ever_recorded_is_known(tmp_path):
    renamed = people(BASE | {"given_name": "Sofia Rosa"}, BASE | {"given_name": "Ingrid"}).with_columns(
        pl.lit(1, pl.Int64).alias("subject_id")
    )
    subjects = subjects_of(
        tmp_path, {"a": renamed, "b": people(BASE | {"given_name": "Sofia Rosa", "middle_name": "B"})}
    )
    found = compare(subjects, np.array([0]), np.array([1])).levels[0]
    assert BY_NAME["given_name"].levels[found[0]].name == "known"


def test_pairs_are_given_in_their_order_with_the_frequency_of_the_commoner_value(tmp_path):
    left = people(BASE, BASE, BASE | STRANGER)
    subjects = subjects_of(tmp_path, {"a": left, "b": people(BASE | STRANGER, BASE)})
    found = compare(subjects, np.array([2, 0, 0]), np.array([3, 4, 3]))
    given = BY_NAME["given_name"]
    assert [given.levels[at].name for at in found.levels[:, 0]] == ["equal", "equal", "different"]
    assert set(found.frequency) == set(FREQUENCIES)
    assert found.frequency["first_name"].tolist() == pytest.approx([2 / 5, 3 / 5, 3 / 5])


def test_what_two_sources_do_not_both_have_is_not_compared(tmp_path):
    """A kind of attribute that is a column of a source but has no value counts as one it does not have."""
    rows = {
        "full": people(BASE | {"nationality": "PL", "first_arrival": date(2015, 1, 1)}),
        "poor": people({"given_name": "Wei", "family_name": "Li", "date_of_birth": None, "sex": None}),
        "young": people({"given_name": "W", "family_name": "Li", "birth_year": 1980, "country_of_birth": "CN"}),
    }
    subjects = subjects_of(tmp_path, rows)

    def compared(left, right):
        return [COMPARISONS[at].name for at in subjects.compared(left, right)]

    assert compared(0, 1) == ["given_name", "family_name"]
    assert compared(0, 2) == ["given_name", "family_name", "date_of_birth", "nationality"]
    assert compared(0, 0) == [
        "given_name", "middle_name", "family_name", "date_of_birth", "sex", "address", "nationality", "arrival",
    ]  # fmt: skip


def test_an_identifier_that_is_evidence_is_compared_where_both_sources_have_it():
    weak = (*COMPARISONS, same_identifier("student"))
    assert comparable(weak, {"student", "sex"}, {"student"}) == [len(COMPARISONS)]
    assert comparable(weak, {"student", "sex"}, {"sex"}) == [[one.name for one in COMPARISONS].index("sex")]


def test_every_level_has_stated_probabilities_and_agreement_outweighs_disagreement():
    stated = read_toml(DEFAULTS)
    weak = same_identifier("student")
    assert {name: list(levels) for name, levels in stated.items()} == {
        one.stated_as: [level.name for level in one.levels] for one in (*COMPARISONS, weak)
    }
    for name, levels in stated.items():
        m, u = ([level[key] for level in levels.values()] for key in "mu")
        assert all(0 < one < 1 for one in (*m, *u)), name
        assert sum(m) == pytest.approx(1, abs=0.02), name
        assert sum(u) == pytest.approx(1, abs=0.02), name
        ratios = [one / other for one, other in zip(m, u, strict=True)]
        assert ratios[0] == max(ratios) or name == "given_name"  # names exchanged are rarer than names that agree
        assert ratios[0] > 1 > ratios[-1] == min(ratios), name


def test_stated_probabilities_are_an_array_of_comparisons_by_levels():
    m, u = stated_probabilities((BY_NAME["sex"], same_identifier("student")))
    assert m.tolist() == [[0.99, 0.01], [0.95, 0.05]]
    assert u.tolist() == [[0.5, 0.5], [0.001, 0.999]]


def test_a_level_without_stated_probabilities_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "stated.toml").write_text("[sex]\nequal = { m = 0.9, u = 0.5 }\n")
    monkeypatch.setattr("linkage.training.DEFAULTS", tmp_path / "stated.toml")
    with pytest.raises(UserError, match=r"no probabilities of 'different' under \[sex\]"):
        stated_probabilities((BY_NAME["sex"],))


def test_no_models_no_levels():
    assert model_levels([]).columns == ["model", "comparison", "level", "m", "u", "match_weight", "by_default"]
