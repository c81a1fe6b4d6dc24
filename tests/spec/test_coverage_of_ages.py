"""Coverage of single ages within a class, by hand.

One class has ages 16 and 17, whom the survey finds on the list more often or less often than the class.
"""

import json

import polars as pl
import pytest

from estimation.coverage.ages import KEY, OLDEST, coverage_of_ages
from estimation.coverage.classes import CELLS
from pipeline.schemas import AGE_GROUPS, NATIONALITY_GROUPS, SEXES


def classes(factors: dict[str, float], asked: int = 0, list_variance: float = 0.0) -> pl.DataFrame:
    """Return one class for each age group, with its factor; `asked` of its 1,000 residents answered the survey."""
    table = pl.DataFrame(
        [
            (group, factor, json.dumps([list(cell) for cell in CELLS if cell[1] == group]))
            for group, factor in factors.items()
        ],
        schema=["coverage_class", "factor", "members"],
        orient="row",
    )
    return table.with_columns(surveyed=pl.lit(asked), estimated=pl.lit(1000.0), list_variance=pl.lit(list_variance))


ALIKE = classes({"0-15": 1.1, "16-24": 1.1, "25-44": 1.1, "45-64": 1.1, "65+": 1.1})


PERSON = {"sex": pl.lit("F"), "nationality_group": pl.lit("British"), "share": pl.lit(1.0)}


def survey(*ages: tuple[int, str, int, int]) -> pl.DataFrame:
    """Return survey people: age, age group, how many, and how many of them are on the list."""
    rows = [(age, group, number < listed) for age, group, people, listed in ages for number in range(people)]
    schema = {"age": pl.Int32, "age_group": pl.String, "listed": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(**PERSON)


def lists(*ages: tuple[int, str, float, float]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return counts and list: age, age group, how many are counted, and how many of them the list calls residents."""
    schema = {"age": pl.Int32, "age_group": pl.String, "count": pl.Float64, "probability": pl.Float64}
    both = pl.DataFrame(ages, schema=schema, orient="row").with_columns(**PERSON)
    return both.drop("probability"), both.drop("count")


def of_ages(*ages: tuple[int, str, int, int], counted: tuple[float, ...] = (), factors=ALIKE) -> pl.DataFrame:
    """Return the table where the list is ten times the survey's, and counts those whom it calls residents.

    With `counted` it counts as many as that.
    """
    called = [10.0 * listed for _, _, _, listed in ages]
    rows = [
        (age, group, *both)
        for (age, group, *_), both in zip(ages, zip(counted or called, called, strict=True), strict=True)
    ]
    return coverage_of_ages(survey(*ages), *lists(*rows), factors)


def of_age(table: pl.DataFrame, age: int) -> tuple[float, float]:
    return table.filter(sex="F", nationality_group="British", age=age).select("relative_factor", "relative_sd").row(0)


SHARES_FOR_CHANCE = (0.8 + 0.0992, 0.8 - 0.0992)
"""0.9 and 0.7 of 1,000 are found, drawn to 0.8 as far as chance would have it if ages were alike.

The 0.02 between them are 0.01984 beyond chance, 0.8 x 0.2 = 0.16 for each, which is 0.992 of 0.01984 + 0.16 / 1,000.
"""


def test_an_age_of_which_the_list_knows_fewer_has_a_larger_factor() -> None:
    """Of 1,000 at 16 and at 17, 900 and 700 are on the list: 0.8 of the class, with a variance of 0.02 between both.

    By the method of moments: 1,000 x (0.1^2 + 0.1^2) less half of the 0.091 and 0.210 expected by chance, over
    2,000 - 1,000. The shares of the ages are certain to 0.091 / 1,000 and 0.210 / 1,000, so they count for 0.995 and
    0.989 of their own.
    """
    table = of_ages((16, "16-24", 1000, 900), (17, "16-24", 1000, 700))
    chance = [p * (1 - p) for p in SHARES_FOR_CHANCE]
    between = (1000 * 0.02 - sum(chance) / 2) / 1000
    weights = [between / (between + one / 1000) for one in chance]
    factors = 0.8 / (0.8 + weights[0] * 0.1), 0.8 / (0.8 - weights[1] * 0.1)
    kept = 1600 / (900 * factors[0] + 700 * factors[1])
    for age, factor, weight in zip((16, 17), factors, weights, strict=True):
        spread = (between * (1 - weight)) ** 0.5 / 0.8
        assert of_age(table, age) == pytest.approx((factor * kept, spread), abs=1e-6)
    assert of_age(table, 18) == pytest.approx((1.0, between**0.5 / 0.8), abs=1e-6), "nobody of 18 was asked"


def test_people_counted_at_less_than_one_count_as_well() -> None:
    """At 18 the list calls fewer people residents, and counts others for it: it covers all ages alike.

    Of 1,000 at 18 and at 19, 600 and 900 are called residents, but 9,000 of either are counted.
    """
    table = of_ages((18, "16-24", 1000, 600), (19, "16-24", 1000, 900), counted=(9000.0, 9000.0))
    assert of_age(table, 18) == of_age(table, 19) == (1.0, 0.0)


def test_whom_a_list_counts_at_less_than_one_it_may_count_too_often() -> None:
    """900 of 1,000 are called residents at either age, and 11,000 are counted at 18, but 10,000 at 19.

    So 18 is covered by 1.1 and 19 by 1: factors of about 1.05 / 1.1 and 1.05 / 1, which keep the residents.
    """
    table = of_ages((18, "16-24", 1000, 900), (19, "16-24", 1000, 900), counted=(11_000.0, 10_000.0))
    young, older = (of_age(table, age)[0] for age in (18, 19))
    assert young == pytest.approx(1.05 / 1.1, abs=0.004)
    assert older == pytest.approx(1.05, abs=0.004)
    assert 11 * young + 10 * older == pytest.approx(21, abs=1e-6)


def test_the_residents_of_the_class_stay_as_many() -> None:
    people = ((16, "16-24", 300, 290), (17, "16-24", 300, 210), (18, "16-24", 100, 95))
    table = of_ages(*people)
    assert sum(listed * of_age(table, age)[0] for age, _, _, listed in people) == pytest.approx(595, abs=1e-5)


def test_ages_of_a_small_class_that_the_list_counts_by_probabilities_are_alike() -> None:
    """Six of twelve at each age are called residents; 11, 12 and 13 are counted, as chance has it."""
    people = [(age, "45-64", 12, 6) for age in (50, 51, 52)]
    rows = [(age, "45-64", count, 6.0) for (age, *_), count in zip(people, (11.0, 12.0, 13.0), strict=True)]
    random = classes(dict.fromkeys(AGE_GROUPS, 1.1), list_variance=0.5)
    table = coverage_of_ages(survey(*people), *lists(*rows), random)
    assert {of_age(table, age) for age in (50, 51, 52)} == {(1.0, 0.0)}


def test_an_age_of_whom_hardly_anybody_is_called_resident_does_not_decide_for_its_class() -> None:
    """At 60 the list calls a thousandth of a person resident and counts two; all other ages are alike.

    The ratio of 2,000 would make 60 cover its residents 2,000 times, and all others next to nothing: one age had 283
    of the 330 people of a class. Drawn to the class as if by five people it is (2 + 5) / (0.001 + 5).
    """
    people = [(age, "45-64", 10, 9) for age in range(45, 65)]
    rows = [(age, "45-64", *((2.0, 0.001) if age == 60 else (12.0, 12.0))) for age, *_ in people]
    random = classes(dict.fromkeys(AGE_GROUPS, 1.1), list_variance=0.05)
    table = coverage_of_ages(survey(*people), *lists(*rows), random)
    assert of_age(table, 50)[0] == pytest.approx(1, abs=0.02)
    assert of_age(table, 60)[0] == pytest.approx(1, abs=0.4)


def test_no_age_counts_for_more_than_twice_its_class() -> None:
    """A complete survey is certain that the list knows all of 16 and a tenth of 17."""
    complete = classes(dict.fromkeys(AGE_GROUPS, 1.1), asked=1000)
    people = (16, "16-24", 500, 500), (17, "16-24", 500, 50)
    lists_of_both = lists((16, "16-24", 500.0, 500.0), (17, "16-24", 500.0, 500.0))
    table = coverage_of_ages(survey(*people), *lists_of_both, complete)
    young, older = (of_age(table, age)[0] for age in (16, 17))
    # 0.55 of the class are known: factors of 0.55 and, in place of 5.5, 2, of which 1.275 is the mean
    assert (young, older) == pytest.approx((0.55 / 1.275, 2 / 1.275), abs=1e-3)


def test_ages_of_whom_nobody_is_found_keep_the_factor_of_their_class() -> None:
    """Nobody of the class is found; or nobody of 17, where a complete survey of a perfect list is certain of it."""
    nobody = of_ages((16, "16-24", 10, 0), (17, "16-24", 10, 0), counted=(100.0, 100.0))
    called = coverage_of_ages(
        survey((16, "16-24", 10, 0)), *lists((16, "16-24", 100.0, 100.0)), classes(dict.fromkeys(AGE_GROUPS, 1.1))
    )
    complete = classes(dict.fromkeys(AGE_GROUPS, 1.1), asked=1000)
    people = (16, "16-24", 500, 500), (17, "16-24", 500, 0)
    certain = coverage_of_ages(
        survey(*people), *lists((16, "16-24", 500.0, 500.0), (17, "16-24", 500.0, 500.0)), complete
    )
    assert of_age(nobody, 16) == of_age(called, 16) == (1.0, 0.0)
    assert certain["relative_factor"].is_finite().all()
    assert certain["relative_factor"].min() > 0


def test_of_those_who_answered_nothing_is_left_to_chance() -> None:
    """As many are found at 16 and 17 as above, of 600 in 1,000 who answered: 0.4 of the variance of a small sample.

    The list adds 0.9 / 9,000 and 0.9 / 7,000, its variance for each resident over those whom it counts.
    """
    half = classes(dict.fromkeys(AGE_GROUPS, 1.1), asked=600, list_variance=0.9)
    table = of_ages((16, "16-24", 1000, 900), (17, "16-24", 1000, 700), factors=half)
    counted = (9000, 7000)
    chance = [0.4 * p * (1 - p) / 1000 + 0.9 / on_list for p, on_list in zip(SHARES_FOR_CHANCE, counted, strict=True)]
    between = (1000 * 0.02 - 1000 * sum(chance) / 2) / 1000
    for age, one in zip((16, 17), chance, strict=True):
        spread = (between * one / (between + one)) ** 0.5 / 0.8
        assert of_age(table, age)[1] == pytest.approx(spread, abs=1e-6)


def test_ages_that_differ_by_chance_alone_have_the_factor_of_their_class() -> None:
    table = of_ages(*((age, "25-44", 50, 40) for age in range(25, 45)))
    assert {of_age(table, age) for age in range(25, 45)} == {(1.0, 0.0)}


def test_ages_at_an_edge_may_already_be_like_the_next_group() -> None:
    """From 1.1 to 1.0 at 65: anything between is as likely, so a standard deviation of 0.1 / 12^0.5 of the factor."""
    pension = classes({"0-15": 1.1, "16-24": 1.1, "25-44": 1.1, "45-64": 1.1, "65+": 1.0})
    table = of_ages((70, "65+", 100, 100), factors=pension)
    assert of_age(table, 64)[1] == pytest.approx(0.1 / 1.1 / 12**0.5, abs=1e-6)
    assert of_age(table, 65)[1] == pytest.approx(0.1 / 12**0.5, abs=1e-6)
    assert of_age(table, 63) == of_age(table, 66) == (1.0, 0.0)


def test_every_age_of_every_cell_has_a_row() -> None:
    table = of_ages((70, "65+", 10, 9))
    assert table.height == len(SEXES) * len(NATIONALITY_GROUPS) * (OLDEST + 1)
    assert table.select(KEY).is_unique().all()
    assert table["relative_factor"].is_finite().all()
