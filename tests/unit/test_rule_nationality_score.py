"""Nationality probabilities against the truth by tenths, on four people worked out by hand."""

from datetime import date

import polars as pl
import pytest

from rules.nationality_score import nationality_tenths

ROWS = [
    (1, "registration", "EU", 0.85), (1, "registration", "British", 0.15),
    (2, "registration", "EU", 0.85), (2, "registration", "British", 0.15),
    (3, "registration", "EU", 1.0),  # certain: not scored
    (1, "current", "British", 0.6), (1, "current", "EU", 0.4),
    (9, "registration", "EU", 0.5), (9, "registration", "Irish", 0.5),  # nobody in truth
]  # fmt: skip
PROBABILITIES = pl.DataFrame(ROWS, schema=["person_id", "view", "group", "probability"], orient="row")
TRUE_PERSON = pl.DataFrame({"person_id": [1, 2, 3], "person": [11, 12, 13]})
PEOPLE = pl.DataFrame(
    {
        "person": [11, 12, 13],
        "nationality_group": ["EU", "British", "EU"],
        "naturalised_on": [date(2018, 1, 1), None, date(2021, 1, 1)],
    }
)


def test_every_group_of_a_person_who_is_not_certain_is_a_case() -> None:
    """Two were EU nationals with 0.85, one is: 0.5 of them; the Brier score is (0.15^2 + 0.85^2) / 2."""
    found = nationality_tenths(PROBABILITIES, TRUE_PERSON, PEOPLE, date(2019, 12, 31))
    scored = {row[:3]: row[3:] for row in found.iter_rows()}
    assert scored["registration", "EU", 0.8] == pytest.approx((2, 0.85, 0.5, (0.15**2 + 0.85**2) / 2), abs=1e-6)
    assert scored["registration", "British", 0.1] == pytest.approx((2, 0.15, 0.5, (0.15**2 + 0.85**2) / 2), abs=1e-6)
    assert scored["registration", "Irish", 0.0] == (2, 0.0, 0.0, 0.0)
    assert scored["registration", "all", 0.0] == (4, 0.0, 0.0, 0.0)


def test_who_has_naturalised_by_the_day_is_british_now() -> None:
    for day, actual in ((date(2019, 12, 31), 1.0), (date(2017, 12, 31), 0.0)):
        found = nationality_tenths(PROBABILITIES, TRUE_PERSON, PEOPLE, day)
        current = found.filter(view="current", group="British").row(0, named=True)
        assert (current["tenth"], current["people"], current["actual"]) == (0.6, 1, actual)
