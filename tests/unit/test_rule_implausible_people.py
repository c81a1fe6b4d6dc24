"""People whose records cannot all be true, by hand: which pair of records counts, and which does not."""

import duckdb
import polars as pl
import pytest

from rules.implausible_people import implausible_table

COLUMNS = ["person_id", "source", "kind", "date", "area", "date_quality"]


def counted(*rows):
    """Return the counts of evidence given as (person, source, kind, date, area, quality)."""
    evidence = pl.DataFrame(rows, schema=COLUMNS, orient="row", infer_schema_length=None).with_columns(
        pl.col("date").str.to_date(), pl.col("area").cast(pl.String)
    )
    connection = duckdb.connect()
    connection.register("person_evidence", evidence)
    return implausible_table(connection).rows()


DIED = (1, "deaths", "death", "2015-03-01", None, "exact")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((1, "activity", "activity", "2016-04-06", None, "tax_year"), [("after_death", "deaths", "activity", 1)]),
        # registers and tax years list the dead for a while
        ((1, "activity", "activity", "2016-02-29", None, "tax_year"), []),
        # a list that still has the dead is no sign of life
        ((1, "pr", "registration", "2018-07-31", None, "registered"), []),
        ((2, "activity", "activity", "2016-04-06", None, "tax_year"), []),
    ],
)
def test_a_sign_of_life_after_a_death(row, expected):
    assert counted(DIED, row) == expected


LISTED = (1, "pds", "registration", "2016-10-03", "E01", "registered")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((1, "hesa", "enrolment", "2016-10-03", "E02", "exact"), [("two_areas", "hesa", "pds", 1)]),
        ((1, "hesa", "enrolment", "2016-10-03", "E01", "exact"), []),
        ((1, "hesa", "enrolment", "2016-10-04", "E02", "exact"), []),
        ((1, "births", "birth", "2016-10-03", "E02", "month"), []),  # the day is not known
        ((1, "pds", "address", "2016-10-03", "E02", "registered"), [("two_areas", "pds", "pds", 1)]),
        ((2, "hesa", "enrolment", "2016-10-03", "E02", "exact"), []),
        ((1, "hesa", "enrolment", "2016-10-03", None, "exact"), []),
    ],
)
def test_two_areas_on_one_day(row, expected):
    assert counted(LISTED, row) == expected


AWAY = [
    (1, "exit_checks", "departure", "2017-01-10", None, "exact"),
    (1, "exit_checks", "arrival", "2017-09-01", None, "exact"),
]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((1, "deaths", "death", "2017-05-05", None, "exact"), [("abroad", "exit_checks", "deaths", 1)]),
        ((1, "deaths", "death", "2017-09-01", None, "exact"), []),  # the day of return
        ((1, "deaths", "death", "2017-10-01", None, "exact"), []),
        # an academic year begins while its students are abroad
        ((1, "hesa", "enrolment", "2017-08-01", None, "exact"), []),
    ],
)
def test_a_death_in_the_country_while_abroad(row, expected):
    assert counted(*AWAY, row) == expected


def test_an_open_absence_contradicts_nothing():
    assert counted(AWAY[0], (1, "deaths", "death", "2017-02-01", None, "exact")) == []


def test_a_person_counts_once_for_each_pair_of_sources():
    years = [(1, "activity", "activity", f"{year}-04-06", None, "tax_year") for year in (2017, 2018, 2019)]
    other = [(2, "deaths", "death", "2015-03-01", None, "exact"), (2, *years[0][1:])]
    assert counted(DIED, *years, *other) == [("after_death", "deaths", "activity", 2)]
