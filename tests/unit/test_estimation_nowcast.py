"""Migrations that become known late change the stocks of the days after them."""

from datetime import date

import polars as pl
import pytest
from estimation_people import late_migration, migration

from estimation.migration_flows import count_migrations
from estimation.nowcast import add_late_migrations, count_late_migrations, expected_moves

PEOPLE = pl.DataFrame(
    {
        "person_id": [1, 2, 3],
        "sex": ["F", "F", "M"],
        "cohort": pl.Series([1990, 1990, 1980], dtype=pl.Int32),
        "nationality_group": ["EU", "EU", "British"],
        "share": [1.0, 1.0, 1.0],
    }
)


def moves(*late):
    """Return one known migration and `late` ones: person, date, direction, cases."""
    known = {"person_id": 1, "date": date(2017, 1, 1), "direction": "immigration", "cases": 1.0,
             "variance_of_cases": 0.0, "years_later": 0}  # fmt: skip
    rows = [
        {"person_id": who, "date": day, "direction": way, "cases": cases, "variance_of_cases": 2 * cases,
         "years_later": 1}
        for who, day, way, cases in late
    ]  # fmt: skip
    return pl.DataFrame([known, *rows], schema_overrides={"years_later": pl.Int32})


def test_known_and_late_migrations_become_cases():
    """A case of probability 0.8 has the variance 0.16; one of 0.8 and factor 1.5 is 1.2 cases, 1.2 + 1.44."""
    known = pl.DataFrame([migration(1, date(2019, 3, 1), "immigration", 0.8, reason="work")])
    late = pl.DataFrame([late_migration(2, date(2019, 3, 2), "emigration", 0.8, 1.5)])
    found = expected_moves(known, late.with_columns(pl.col("years_later").cast(pl.Int32)))
    columns = ["person_id", "direction", "reason", "years_later", "cases", "certain", "unfinished", "provisional"]
    assert found.select(columns).rows() == [
        (1, "immigration", "work", 0, 0.8, False, True, True),
        (2, "emigration", None, 1, pytest.approx(1.2), False, False, True),
    ]
    assert found["variance_of_cases"].to_list() == pytest.approx([0.16, 1.2 + 1.44])


def test_a_migration_that_is_certain_by_the_rules_is_no_open_case_at_any_calibrated_probability():
    decided = migration(1, date(2019, 3, 1), "emigration", 0.93, reason="work", status="certain")
    late = pl.DataFrame([late_migration(2, date(2019, 3, 2), "emigration", 1.0, 1.0)]).clear()
    found = expected_moves(pl.DataFrame([decided]), late.with_columns(pl.col("years_later").cast(pl.Int32)))
    assert found.select("cases", "variance_of_cases", "certain", "unfinished").rows() == [(0.93, 0.0, True, False)]
    nobody = pl.DataFrame([decided | {"probability": 0.0}])  # the person is here under other records
    assert expected_moves(nobody, late.with_columns(pl.col("years_later").cast(pl.Int32))).is_empty()


def test_each_case_stands_for_as_many_migrations_as_its_group_and_age_have_for_each_at_its_time():
    """A grown-up of a January before July 2017; born in the year to June 2002, she would have been a child on 30 June
    2017.
    """
    people = PEOPLE.filter(person_id=1)
    completeness = pl.DataFrame(
        {
            "direction": "immigration",
            "nationality_group": "EU",
            "child": [False, True, False, True],
            "from_date": [date.min, date.min, date(2017, 7, 1), date(2017, 7, 1)],
            "migrations_per_case": [1.25, 2.0, 9.0, 9.0],
        }
    )
    other_season = completeness.with_columns(quarter=pl.lit(2, pl.Int8), migrations_per_case=pl.lit(7.0))
    completeness = pl.concat([completeness.with_columns(quarter=pl.lit(1, pl.Int8)), other_season], how="diagonal")
    one = moves().with_columns(
        reason=pl.lit(None, pl.String), certain=pl.lit(value=True), unfinished=pl.lit(value=False),
        provisional=pl.lit(value=False), variance_of_cases=pl.lit(0.16),
    )  # fmt: skip
    plain = count_migrations(one, people, (2017,)).filter(period="year")
    found = count_migrations(one, people, (2017,), completeness).filter(period="year")
    assert plain.select("count", "variance_unfinished").row(0) == pytest.approx((1.0, 0.16))
    assert found.select("count", "variance_unfinished", "certain").row(0) == pytest.approx((1.25, 0.25, 1))
    for cohort, cases in ((2001, 1.25), (2002, 2.0)):
        of_age = people.with_columns(cohort=pl.lit(cohort, people.schema["cohort"]))
        found = count_migrations(one, of_age, (2017,), completeness).filter(period="year")
        assert found["count"].to_list() == [cases]


def test_late_immigrants_are_added_to_later_stocks_and_late_emigrants_subtracted():
    """They are a year older than those on whom they are modelled: of the cohort after."""
    late = count_late_migrations(
        moves((1, date(2018, 9, 1), "immigration", 0.5), (2, date(2018, 3, 1), "emigration", 0.1)),
        PEOPLE,
        (2017, 2018, 2019),
    ).sort("time")
    assert late["time"].to_list() == [date(2018, 6, 30), date(2019, 6, 30)]
    assert late["cohort"].to_list() == [1991, 1991]
    assert late["net_late"].to_list() == pytest.approx([-0.1, 0.5 - 0.1])
    assert late["variance"].to_list() == pytest.approx([0.2, 1.2])


def test_stocks_with_late_migrations_are_provisional_and_never_below_zero():
    listed = pl.DataFrame(
        {
            "time": [date(2018, 6, 30), date(2019, 6, 30), date(2019, 6, 30)],
            "sex": ["F", "F", "M"],
            "cohort": pl.Series([1991, 1991, 1981], dtype=pl.Int32),
            "nationality_group": ["EU", "EU", "British"],
            "measure": ["population"] * 3,
            "period": ["day"] * 3,
            "count": [10.0, 12.0, 0.1],
            "certain": [10, 12, 0],
            "unfinished": [0, 0, 0],
            "variance_unfinished": [0.0, 0.0, 0.0],
            "variance_late": [0.0, 0.0, 0.0],
            "variance_nationality": [0.0, 0.0, 0.0],
            "provisional": [False, False, False],
        }
    )
    gone = moves((1, date(2018, 9, 1), "emigration", 0.5), (3, date(2018, 9, 1), "emigration", 0.5))
    moved = add_late_migrations(listed, count_late_migrations(gone, PEOPLE, (2018, 2019)))
    assert moved["count"].to_list() == pytest.approx([10.0, 11.5, 0.0])
    assert moved["certain"].to_list() == [10, 12, 0]
    assert moved["provisional"].to_list() == [False, True, True]
    assert moved["variance_unfinished"].to_list() == pytest.approx([0.0, 1.0, 1.0])
    assert moved["variance_late"].to_list() == moved["variance_unfinished"].to_list()


def test_a_late_immigrant_of_an_empty_cell_is_counted():
    late = count_late_migrations(moves((3, date(2018, 9, 1), "immigration", 0.25)), PEOPLE, (2019,))
    empty = add_late_migrations(
        pl.DataFrame(
            schema={
                "time": pl.Date, "sex": pl.String, "cohort": pl.Int32, "nationality_group": pl.String,
                "measure": pl.String, "period": pl.String, "count": pl.Float64,
                "certain": pl.Int64, "unfinished": pl.Int64, "variance_unfinished": pl.Float64,
                "variance_late": pl.Float64, "variance_nationality": pl.Float64, "provisional": pl.Boolean,
            }
        ),
        late,
    )  # fmt: skip
    assert empty["count"].to_list() == [0.25]
