"""Scores of migrations and residents on a handful of people whose truth is known."""

import datetime as dt
import math

import polars as pl
import pytest

from rules.score import score_classes
from rules.truth_comparison import compare_migrations, compare_residents, true_person_of

D = dt.date
CLUSTERS = pl.DataFrame(
    {"source": ["pds", "mws", "hesa", "pds", "pds", "pds"], "subject_id": [1, 1, 1, 2, 3, 4], "draw": [0] * 6,
     "person_id": [10, 10, 10, 20, 30, 40]}
)  # fmt: skip
WHO = pl.DataFrame(
    {"source": ["pds", "mws", "hesa", "pds", "pds"], "subject_id": [1, 1, 1, 2, 3],
     "person": [100, 100, 999, 200, 300]}
)  # fmt: skip
"""Person 10 is true person 100, whom two of three subjects belong to; person 40 is nobody."""


NONE_LATE = pl.DataFrame(
    schema={"direction": pl.String, "date": pl.Date, "probability": pl.Float64, "factor": pl.Float64}
)


def migrations(*rows: tuple[int, dt.date, str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"person_id": pl.Int64, "date": pl.Date, "direction": pl.String, "probability": pl.Float64},
        orient="row",
    ).with_columns(
        rule_id=pl.lit("non_eu"), dated_by=pl.lit("seen"), provisional=pl.lit(value=False)
    )  # fmt: skip


def true(*rows: tuple[int, dt.date, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"person": pl.Int64, "date": pl.Date, "direction": pl.String}, orient="row")


def compared(estimated: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    return compare_migrations(estimated, true_person_of(CLUSTERS, WHO), truth)


def scores(estimated: pl.DataFrame, truth: pl.DataFrame) -> dict[tuple[str, int], dict[str, float]]:
    """Return the rows of the score by direction and year ending 30 June."""
    table = score_classes(compared(estimated, truth), NONE_LATE)
    return {(row["measure"], row["time"].year): row for row in table.to_dicts()}


def test_hits_misdated_misses_and_false_by_hand() -> None:
    """One found in full, one found at one half a year late, one missed, one false; one false of nobody; 0.85 late."""
    table = score_classes(
        compared(
            migrations(
                (10, D(2016, 5, 1), "immigration", 1.0),
                (20, D(2016, 7, 20), "immigration", 0.5),
                (30, D(2016, 9, 1), "immigration", 0.25),
                (40, D(2016, 9, 1), "immigration", 0.75),
            ),
            true(
                (100, D(2016, 4, 20), "immigration"),
                (200, D(2016, 6, 10), "immigration"),
                (300, D(2017, 5, 1), "emigration"),
            ),
        ),
        pl.DataFrame({"direction": ["immigration"], "date": [D(2016, 9, 1)], "probability": [0.5], "factor": [1.7]}),
    )
    log_1, log_0 = -math.log(0.999), -math.log(0.001)
    assert table.rows() == [
        ("emigration", D(2017, 6, 30), 1, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, round(log_0, 6)),
        ("immigration", D(2016, 6, 30), 2, 1.0, 1.0, 0.5, 0.5, 0.0, 0.125, round((log_1 + math.log(2)) / 2, 6)),
        ("immigration", D(2017, 6, 30), 0, 2.35, 0.0, 0.0, 0.0, 1.0, round((0.25**2 + 0.75**2) / 2, 6),
         round((math.log(4 / 3) + math.log(4)) / 2, 6)),
    ]  # fmt: skip


def test_a_small_probability_for_everybody_finds_next_to_nothing() -> None:
    """The old score took one per cent for everybody as every migration found."""
    truth = true((100, D(2016, 4, 20), "immigration"), (200, D(2016, 6, 10), "immigration"))
    guesses = migrations(
        *((person, D(2016, 5, 1), way, 0.01)
          for person in (10, 20, 30) for way in ("immigration", "emigration"))
    )  # fmt: skip
    row = scores(guesses, truth)["immigration", 2016]
    assert row["misses"] >= 0.99 * row["true"] == 1.98
    assert row["hits"] + row["misdated"] + row["misses"] == row["true"]
    assert scores(guesses, truth)["emigration", 2016]["false"] == 0.03

    day = D(2016, 6, 30)
    listed = pl.DataFrame({"person_id": [10, 20, 30], "reference_date": [day] * 3, "probability": [0.01] * 3})
    on_day = pl.DataFrame({"reference_date": [day] * 2, "person": [100, 200]})
    row = score_classes(compare_residents(listed, true_person_of(CLUSTERS, WHO), on_day), NONE_LATE).row(
        0, named=True
    )
    assert row["misses"] >= 0.99 * row["true"] == 1.98
    assert row["false"] == 0.01


@pytest.mark.parametrize(("days", "missed", "false"), [(183, 0.0, 0.0), (184, 1.0, 1.0), (-183, 0.0, 0.0)])
def test_the_tolerance_counts_days_even_within_one_year(days: int, missed: float, false: float) -> None:
    date = D(2016, 1, 1)
    rows = scores(migrations((10, date + dt.timedelta(days), "emigration", 1.0)), true((100, date, "emigration")))
    assert sum(row["misses"] for row in rows.values()) == missed
    assert sum(row["false"] for row in rows.values()) == false


def test_one_estimated_migration_serves_one_true_one() -> None:
    """Of two true arrivals half a year apart the nearer one is found, and the other missed."""
    truth = true((100, D(2016, 1, 1), "immigration"), (100, D(2016, 5, 1), "immigration"))
    row = scores(migrations((10, D(2016, 4, 1), "immigration", 1.0)), truth)["immigration", 2016]
    assert (row["hits"], row["misses"], row["false"]) == (1.0, 1.0, 0.0)


def test_the_nearest_is_taken_first_even_if_that_leaves_another_without_a_partner() -> None:
    """The estimate of 1 June is nearest to 2 June, so that of 1 February has to serve nobody."""
    found = compared(
        migrations((10, D(2016, 2, 1), "immigration", 1.0), (10, D(2016, 6, 1), "immigration", 1.0)),
        true((100, D(2016, 9, 30), "immigration"), (100, D(2016, 6, 2), "immigration")),
    )
    pairs = found.filter("is_true").select("true_date", "date").rows()
    assert pairs == [(D(2016, 6, 2), D(2016, 6, 1)), (D(2016, 9, 30), None)]


@pytest.mark.parametrize(
    ("estimated", "used"),
    [
        ([(10, D(2016, 4, 30)), (10, D(2016, 5, 2))], (10, D(2016, 4, 30))),
        ([(20, D(2016, 4, 30)), (10, D(2016, 4, 30))], (10, D(2016, 4, 30))),
    ],
    ids=["the earlier date", "the lower person"],
)
def test_ties_are_decided_by_date_and_then_by_person(estimated: list, used: tuple) -> None:
    """Both clusters are true person 100."""
    person_of = pl.DataFrame({"person_id": [10, 20], "person": [100, 100]})
    found = compare_migrations(
        migrations(*((person, date, "emigration", 1.0) for person, date in estimated)),
        person_of,
        true((100, D(2016, 5, 1), "emigration")),
    )
    assert found.filter("is_true").select("person_id", "date").rows() == [used]
    assert found["false"].sum() == 1.0


def test_residents_by_hand() -> None:
    """At 0.8 found, an unlisted one missed; false: the second cluster of a true person, and who is nobody."""
    on = D(2017, 6, 30)
    residents = pl.DataFrame(
        {"person_id": [10, 20, 30, 40], "reference_date": [on] * 4, "probability": [0.5, 0.8, 0.0, 0.25]}
    )
    true_person = pl.DataFrame({"person_id": [10, 20, 30], "person": [100, 100, 300]})
    truth = pl.DataFrame({"reference_date": [on] * 2, "person": [100, 300]})
    row = score_classes(compare_residents(residents, true_person, truth), NONE_LATE).row(0, named=True)
    assert row == {
        "measure": "population", "time": on, "true": 2, "estimated": 1.55, "hits": 0.8, "misdated": 0.0,
        "misses": 1.2, "false": 0.75, "brier": round((0.04 + 1 + 0.25 + 0.0625) / 4, 6),
        "log_score": round(-(math.log(0.8) + math.log(0.001) + math.log(0.5) + math.log(0.75)) / 4, 6),
    }  # fmt: skip


def test_a_migration_of_probability_zero_serves_nobody() -> None:
    row = scores(
        migrations((10, D(2016, 4, 20), "immigration", 0.0), (10, D(2016, 4, 22), "immigration", 0.5)),
        true((100, D(2016, 4, 20), "immigration")),
    )["immigration", 2016]
    assert (row["hits"], row["misses"], row["false"]) == (0.5, 0.5, 0.0)
