"""Migrations that become known late change the stocks of the days after them."""

from datetime import date

import polars as pl
import pytest

from estimation.nowcast import add_late_migrations, count_late_migrations

PEOPLE = pl.DataFrame(
    {
        "person_id": [1, 2, 3],
        "sex": ["F", "F", "M"],
        "cohort": pl.Series([1990, 1990, 1980], dtype=pl.Int32),
        "nationality_group": ["EU", "EU", "British"],
        "share": [1.0, 1.0, 1.0],
    }
)


def migrations(*rows):
    names = ["person_id", "date", "direction", "probability", "weight"]
    return pl.DataFrame(list(rows), schema=names, orient="row")


def test_late_immigrants_are_added_to_later_stocks_and_late_emigrants_subtracted():
    moves = migrations(
        (1, date(2018, 9, 1), "immigration", 1.0, 1.5),
        (2, date(2018, 3, 1), "emigration", 0.5, 1.2),
        (3, date(2018, 3, 1), "emigration", 1.0, 1.0),
    )
    late = count_late_migrations(moves, PEOPLE, (2017, 2018, 2019)).sort("time")
    assert late["time"].to_list() == [date(2018, 6, 30), date(2019, 6, 30)]
    assert late["net_late"].to_list() == pytest.approx([-0.1, 0.5 - 0.1])
    assert late["variance"].to_list() == pytest.approx([0.1, 0.6])


def test_stocks_with_late_migrations_are_provisional_and_never_below_zero():
    listed = pl.DataFrame(
        {
            "time": [date(2018, 6, 30), date(2019, 6, 30), date(2019, 6, 30)],
            "sex": ["F", "F", "M"],
            "cohort": pl.Series([1990, 1990, 1980], dtype=pl.Int32),
            "nationality_group": ["EU", "EU", "British"],
            "measure": ["population"] * 3,
            "period": ["day"] * 3,
            "count": [10.0, 12.0, 0.1],
            "certain": [10, 12, 0],
            "unfinished": [0, 0, 0],
            "variance_unfinished": [0.0, 0.0, 0.0],
            "variance_nationality": [0.0, 0.0, 0.0],
            "provisional": [False, False, False],
        }
    )
    moves = migrations((1, date(2018, 9, 1), "emigration", 1.0, 1.5), (3, date(2018, 9, 1), "emigration", 1.0, 1.5))
    moved = add_late_migrations(listed, count_late_migrations(moves, PEOPLE, (2018, 2019)))
    assert moved["count"].to_list() == pytest.approx([10.0, 11.5, 0.0])
    assert moved["certain"].to_list() == [10, 12, 0]
    assert moved["provisional"].to_list() == [False, True, True]
    assert moved["variance_unfinished"].to_list() == pytest.approx([0.0, 0.5, 0.5])


def test_a_late_immigrant_of_an_empty_cell_is_counted():
    moves = migrations((3, date(2018, 9, 1), "immigration", 1.0, 1.25))
    late = count_late_migrations(moves, PEOPLE, (2019,))
    empty = add_late_migrations(
        pl.DataFrame(
            schema={
                "time": pl.Date, "sex": pl.String, "cohort": pl.Int32, "nationality_group": pl.String,
                "measure": pl.String, "period": pl.String, "count": pl.Float64,
                "certain": pl.Int64, "unfinished": pl.Int64, "variance_unfinished": pl.Float64,
                "variance_nationality": pl.Float64, "provisional": pl.Boolean,
            }
        ),
        late,
    )  # fmt: skip
    assert empty["count"].to_list() == [0.25]
