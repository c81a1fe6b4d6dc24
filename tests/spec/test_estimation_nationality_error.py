"""Errors of nationality groups, by hand: groups gain what others lose, and no total changes.

Two residents of probability 1 and 0.5 are British with 0.6 and of the EU with 0.4, a third is certainly British. The
variance of either group is (1 + 0.25) x 0.6 x 0.4 = 0.3, their covariance -0.3. One of them immigrated, and stands
for 1.2 cases: 1.44 x 0.24 = 0.3456.
"""

from datetime import date

import polars as pl
import pytest
from estimation_people import resident

from estimation.nationality_error import nationality_covariance, nationality_terms

PEOPLE = pl.DataFrame(
    [(1, "British", 0.6), (1, "EU", 0.4), (2, "British", 0.6), (2, "EU", 0.4), (3, "British", 1.0)],
    schema=["person_id", "nationality_group", "share"],
    orient="row",
).with_columns(told_by="person_id")
DAYS = [date(2016, 6, 30), date(2017, 6, 30)]
RESIDENTS = pl.DataFrame(
    [resident(one, day) | {"probability": p} for day in DAYS for one, p in ((1, 1.0), (2, 0.5), (3, 1.0))]
)
MOVES = pl.DataFrame({"person_id": [1], "date": [date(2016, 7, 1)], "direction": ["immigration"], "cases": [1.2]})


@pytest.fixture
def covariance() -> pl.DataFrame:
    return nationality_covariance(RESIDENTS, MOVES, PEOPLE)


def test_what_one_group_gains_another_loses(covariance: pl.DataFrame) -> None:
    found = {row[:4]: row[4] for row in covariance.iter_rows()}
    for year in (2016, 2017):
        assert found["population", year, "British", "British"] == pytest.approx(0.3)
        assert found["population", year, "British", "EU"] == pytest.approx(-0.3)
    assert found["immigration", 2017, "EU", "EU"] == pytest.approx(0.3456)
    sums = covariance.group_by("measure", "time").agg(pl.col("covariance").sum())
    assert sums["covariance"].to_list() == pytest.approx([0.0] * 3)


def test_terms_are_relative_to_the_counts_and_add_no_variance_to_their_sum(covariance: pl.DataFrame) -> None:
    """1.9 British and 0.6 EU nationals on both days; of immigrants 0.72 and 0.48."""
    sizes = [("population", year, *one) for year in (2016, 2017) for one in (("British", 1.9), ("EU", 0.6))]
    sizes += [("immigration", 2017, "British", 0.72), ("immigration", 2017, "EU", 0.48)]
    counts = pl.DataFrame(sizes, schema=["measure", "time", "nationality_group", "count"], orient="row")
    terms, pairs = nationality_terms(covariance, counts.with_columns(pl.col("time").cast(pl.Int32)))
    sd = {one[0]: one[-1] for one in terms}
    assert sd["nationality population British"] == pytest.approx(0.3**0.5 / 1.9)
    assert sd["nationality immigration 2017 EU"] == pytest.approx(0.3456**0.5 / 0.48)
    assert {one[0]: one[6] for one in terms}["nationality population EU"] is None
    pair = pairs.filter(pl.col("term") == "nationality population British").row(0)
    assert pair[1] == "nationality population EU"
    total = sum(
        (size * sd[f"nationality population {group}"]) ** 2 for group, size in (("British", 1.9), ("EU", 0.6))
    )
    assert total + 2 * 1.9 * 0.6 * pair[2] == pytest.approx(0, abs=1e-9)


def test_children_are_of_the_group_of_their_mother_whichever_it_is() -> None:
    """Person 2 is the child of 1: together they are 1.5 people of one group, so 1.5^2 x 0.6 x 0.4 = 0.54."""
    family = PEOPLE.with_columns(told_by=pl.when(pl.col("person_id") == 2).then(1).otherwise("person_id"))
    found = {row[:4]: row[4] for row in nationality_covariance(RESIDENTS, MOVES, family).iter_rows()}
    assert found["population", 2016, "British", "British"] == pytest.approx(0.54)
    assert found["population", 2016, "British", "EU"] == pytest.approx(-0.54)


def test_certain_groups_have_no_such_error() -> None:
    certain = PEOPLE.filter(pl.col("person_id") == 3)
    assert nationality_covariance(RESIDENTS, MOVES, certain).is_empty()
    none, pairs = nationality_terms(nationality_covariance(RESIDENTS, MOVES, certain), _counts())
    assert none == []
    assert pairs.is_empty()


def _counts() -> pl.DataFrame:
    rows = [("population", 2016, "British", 1.0)]
    schema = {"measure": pl.String, "time": pl.Int32, "nationality_group": pl.String, "count": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
