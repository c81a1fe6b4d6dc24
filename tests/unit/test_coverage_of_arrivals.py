"""How many newcomers of the survey the sources saw arrive: a worked example, its errors, and what is not measured."""

from datetime import date

import polars as pl
import pytest

from estimation.coverage.arrivals import coverage_of_arrivals
from estimation.coverage.linkage_error import LinkageError
from pipeline.schemas import CoverageOfArrivals

DAY = date(2017, 6, 30)
CERTAIN = LinkageError(recall=1.0, recall_error=0.0, false_link_rate=0.0, false_link_error=0.0)


def answers(number: int, nationality: str = "PL", **columns) -> pl.DataFrame:
    """Newcomers, two in each cluster of one stratum."""
    given = {"stratum": "A", "weight": 1.0, "lived_a_year_ago": "abroad"} | columns
    return pl.DataFrame({"subject_id": range(number)}).with_columns(
        pl.col("subject_id").cast(pl.Int64), cluster=(pl.col("subject_id") // 2).cast(pl.String),
        nationality=pl.lit(nationality), **{name: pl.lit(value) for name, value in given.items()},
    )  # fmt: skip


def clusters(number: int) -> pl.DataFrame:
    """Every survey person is linked to the person with a number higher by 100."""
    return pl.DataFrame({"source": "coverage_survey", "subject_id": range(number)}).with_columns(
        pl.col("subject_id").cast(pl.Int64), person_id=pl.col("subject_id").cast(pl.Int64) + 100
    )


def stays(people: range, start: date = date(2016, 12, 1), *, arrived: bool = True) -> pl.DataFrame:
    return pl.DataFrame({"person_id": people}).with_columns(
        pl.col("person_id").cast(pl.Int64), start=pl.lit(start), starts_by_arrival=pl.lit(arrived)
    )


def measured(asked: pl.DataFrame, found: pl.DataFrame, links: LinkageError = CERTAIN) -> dict[str, dict]:
    table = coverage_of_arrivals(asked, clusters(asked.height), found, links, DAY)
    checked = CoverageOfArrivals.validate(table.select(CoverageOfArrivals.column_names()), cast=True)
    return {row["nationality_group"]: row for row in checked.to_dicts()}


def test_a_worked_example():
    """Of 20 newcomers 16 were seen to arrive: 80%; with a recall of .9 it is 16 of the 18 who can be found."""
    rows = measured(answers(20), stays(range(100, 116)))
    assert (rows["EU"]["newcomers"], rows["EU"]["found"], rows["EU"]["coverage"]) == (20, 16, 0.8)
    # 10 clusters of two: 10/9 (8 x .4^2 + 2 x 1.6^2) / 20^2
    assert rows["EU"]["standard_error"] == pytest.approx((10 / 9 * 6.4 / 400) ** 0.5, abs=1e-6)
    missed = measured(answers(20), stays(range(100, 116)), LinkageError(0.9, 0.05, 0.0, 0.0))
    assert missed["EU"]["coverage"] == pytest.approx(0.8 / 0.9, abs=1e-6)
    assert missed["EU"]["standard_error"] > rows["EU"]["standard_error"] / 0.9


def test_weights_count():
    asked = answers(20).with_columns(weight=pl.when(pl.col("subject_id") < 10).then(3.0).otherwise(1.0))
    assert measured(asked, stays(range(100, 110)))["EU"]["coverage"] == 0.75


@pytest.mark.parametrize(
    ("found", "coverage"),
    [
        (stays(range(100, 120), date(2017, 6, 30)), 1.0),
        (stays(range(100, 120), date(2017, 7, 1)), 0.0),  # after the survey
        (stays(range(100, 120), date(2015, 12, 31)), 1.0),  # dated half a year too early
        (stays(range(100, 120), date(2015, 12, 29)), 0.0),
        (stays(range(100, 120), arrived=False), 0.0),  # here all along, as far as the sources know
    ],
)
def test_what_the_sources_saw_is_an_arrival_near_that_year(found, coverage):
    assert measured(answers(20), found)["EU"]["coverage"] == coverage


def test_nothing_is_certain_because_everybody_was_found():
    """One more newcomer, missed, would give 20 of 21."""
    row = measured(answers(20), stays(range(100, 120)))["EU"]
    assert row["standard_error"] == pytest.approx((20 / 21 * 1 / 21 / 20) ** 0.5, abs=1e-6)


def test_who_gave_no_nationality_is_of_no_group():
    asked = answers(20).with_columns(nationality=pl.when(pl.col("subject_id") < 12).then(pl.lit("PL")))
    rows = measured(asked, stays(range(100, 120)))
    assert {name: row["newcomers"] for name, row in rows.items()} == {
        "British": 0, "Irish": 0, "EU": 12, "non_EU": 0, "all": 20,
    }  # fmt: skip


def test_few_newcomers_and_people_who_lived_here_are_not_measured():
    asked = pl.concat([answers(9, "PL"), answers(20, "IN", lived_a_year_ago="same_address")]).with_columns(
        subject_id=pl.int_range(29, dtype=pl.Int64)
    )
    rows = measured(asked, stays(range(100, 129)))
    assert (rows["EU"]["newcomers"], rows["EU"]["coverage"]) == (9, None)
    assert "fewer than 10" in rows["EU"]["reason"]
    assert (rows["non_EU"]["newcomers"], rows["non_EU"]["coverage"]) == (0, None)
    assert rows["all"]["newcomers"] == 9
