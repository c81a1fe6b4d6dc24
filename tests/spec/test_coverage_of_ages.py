"""Coverage of single ages within a class, by hand.

One class has ages 16 and 17, whom the survey finds on the list more often or less often than the class.
"""

import json

import polars as pl
import pytest

from estimation.coverage.ages import KEY, OLDEST, coverage_of_ages
from estimation.coverage.classes import CELLS
from pipeline.schemas import NATIONALITY_GROUPS, SEXES


def classes(factors: dict[str, float]) -> pl.DataFrame:
    """Return one class for each age group, with its factor."""
    return pl.DataFrame(
        [
            (group, factor, json.dumps([list(cell) for cell in CELLS if cell[1] == group]))
            for group, factor in factors.items()
        ],
        schema=["coverage_class", "factor", "members"],
        orient="row",
    )


ALIKE = classes({"0-15": 1.1, "16-24": 1.1, "25-44": 1.1, "45-64": 1.1, "65+": 1.1})


def survey(*ages: tuple[int, str, int, int]) -> pl.DataFrame:
    """Return survey people: age, age group, how many, and how many of them are on the list."""
    rows = [(age, group, number < listed) for age, group, people, listed in ages for number in range(people)]
    return pl.DataFrame(rows, schema=["age", "age_group", "listed"], orient="row").with_columns(
        sex=pl.lit("F"), nationality_group=pl.lit("British"), share=pl.lit(1.0)
    )


def of_age(table: pl.DataFrame, age: int) -> tuple[float, float]:
    return table.filter(sex="F", nationality_group="British", age=age).select("relative_factor", "relative_sd").row(0)


def test_an_age_of_which_the_list_knows_fewer_has_a_larger_factor() -> None:
    """Of 1,000 at 16 and at 17, 900 and 700 are on the list: 0.8 of the class, with a variance of 0.02 between both.

    By the method of moments: 1,000 x (0.1^2 + 0.1^2) less the 1 x 0.16 expected by chance, over 2,000 - 1,000. The
    share of an age is certain to 0.16 / 1,000, so it counts for 0.01984 / (0.01984 + 0.00016) = 0.992 of its own.
    """
    table = coverage_of_ages(survey((16, "16-24", 1000, 900), (17, "16-24", 1000, 700)), ALIKE)
    between = (1000 * 0.02 - 0.16) / 1000
    weight = between / (between + 0.00016)
    known, unknown = 0.8 + weight * 0.1, 0.8 - weight * 0.1
    factors = 0.8 / known, 0.8 / unknown
    kept = 1600 / (900 * factors[0] + 700 * factors[1])
    spread = (between * (1 - weight)) ** 0.5 / 0.8
    assert of_age(table, 16) == pytest.approx((factors[0] * kept, spread), abs=1e-6)
    assert of_age(table, 17) == pytest.approx((factors[1] * kept, spread), abs=1e-6)
    assert of_age(table, 18) == pytest.approx((1.0, between**0.5 / 0.8), abs=1e-6), "nobody of 18 was asked"


def test_the_residents_of_the_class_stay_as_many() -> None:
    people = ((16, "16-24", 300, 290), (17, "16-24", 300, 210), (18, "16-24", 100, 95))
    table = coverage_of_ages(survey(*people), ALIKE)
    assert sum(listed * of_age(table, age)[0] for age, _, _, listed in people) == pytest.approx(595, abs=1e-5)


def test_ages_that_differ_by_chance_alone_have_the_factor_of_their_class() -> None:
    table = coverage_of_ages(survey(*((age, "25-44", 50, 40) for age in range(25, 45))), ALIKE)
    assert {of_age(table, age) for age in range(25, 45)} == {(1.0, 0.0)}


def test_ages_at_an_edge_may_already_be_like_the_next_group() -> None:
    """From 1.1 to 1.0 at 65: anything between is as likely, so a standard deviation of 0.1 / 12^0.5 of the factor."""
    pension = classes({"0-15": 1.1, "16-24": 1.1, "25-44": 1.1, "45-64": 1.1, "65+": 1.0})
    table = coverage_of_ages(survey((70, "65+", 100, 100)), pension)
    assert of_age(table, 64)[1] == pytest.approx(0.1 / 1.1 / 12**0.5, abs=1e-6)
    assert of_age(table, 65)[1] == pytest.approx(0.1 / 12**0.5, abs=1e-6)
    assert of_age(table, 63) == of_age(table, 66) == (1.0, 0.0)


def test_every_age_of_every_cell_has_a_row() -> None:
    table = coverage_of_ages(survey((70, "65+", 10, 9)), ALIKE)
    assert table.height == len(SEXES) * len(NATIONALITY_GROUPS) * (OLDEST + 1)
    assert table.select(KEY).is_unique().all()
    assert table["relative_factor"].is_finite().all()
