"""Scores of migrations and residents on a handful of people whose truth is known."""

import datetime as dt

import polars as pl

from rules.score import score_migrations, score_residents

D = dt.date
CLUSTERS = pl.DataFrame(
    {"source": ["pds", "mws", "hesa", "pds", "pds"], "subject_id": [1, 1, 1, 2, 3], "draw": [0] * 5,
     "person_id": [10, 10, 10, 20, 30]}
)  # fmt: skip
WHO = pl.DataFrame(
    {"source": ["pds", "mws", "hesa", "pds", "pds"], "subject_id": [1, 1, 1, 2, 3],
     "person": [100, 100, 999, 200, 300], "moved": [False] * 5}
)  # fmt: skip


def estimated(*rows: tuple[int, dt.date, str, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["person_id", "date", "direction", "probability", "weight"], orient="row")


def true(*rows: tuple[int, dt.date, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["person", "date", "direction"], orient="row")


def test_hits_misdated_misses_and_false() -> None:
    """Person 10 is true person 100, whom two of three subjects belong to."""
    scores = score_migrations(
        estimated(
            (10, D(2016, 5, 1), "immigration", 1.0, 1.0),
            (20, D(2016, 7, 20), "immigration", 0.5, 1.2),
            (30, D(2016, 9, 1), "immigration", 0.25, 1.0),
        ),
        CLUSTERS,
        WHO,
        true(
            (100, D(2016, 4, 20), "immigration"),
            (200, D(2016, 6, 10), "immigration"),
            (300, D(2017, 5, 1), "emigration"),
        ),
    )
    assert scores.rows() == [
        ("emigration", D(2017, 6, 30), 1, 0.0, 0, 0, 1, 0.0),
        ("immigration", D(2016, 6, 30), 2, 1.0, 1, 1, 0, 0.0),
        ("immigration", D(2017, 6, 30), 0, 0.85, 0, 0, 0, 0.25),
    ]


def test_residents() -> None:
    on = D(2017, 6, 30)
    residents = pl.DataFrame({"person_id": [10, 20, 30], "reference_date": [on] * 3, "resident": [True, True, False]})
    truth = pl.DataFrame({"reference_date": [on] * 3, "person": [100, 300, 400]})
    scores = score_residents(residents, CLUSTERS, WHO, truth)
    assert scores.rows() == [("population", on, 3, 2.0, 1, 2, 1.0)]
