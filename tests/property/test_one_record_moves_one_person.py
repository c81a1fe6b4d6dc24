"""One record with a wrong date changes what is decided about its own person, and about nobody else."""

import random
from datetime import date
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from rule_timelines import DATA_DATE, default_rules, observed, outcomes_of, tax_year

from rules.timelines import TimelinePerson, decide

PEOPLE = 60
THE_FIRST_DAYS = date(1900, 1, 1)
BORN = date(1970, 5, 1)  # old enough that a first job is an arrival, but for those at work in the first tax year


def a_country() -> list[list[dict]]:
    """People of all three forms: workers, people on a visa, people on the register only; nobody is unfinished."""
    rng = random.Random(7)
    people: list[list[dict]] = []
    for number in range(PEOPLE):
        first, last = rng.randrange(2009, 2013), rng.randrange(2014, 2019)
        if number % 3 == 0:
            people.append([tax_year(year, rng.choice([30, 52])) for year in range(first, last + 1)])
        elif number % 3 == 1:
            arrival, departure = date(2015, 5, 1 + number % 28), date(2017, 6, 1 + number % 28)
            people.append([observed("border_in", arrival), observed("border_out", departure)])
        else:
            listings = [observed("nhs_listed", date(year, 7, 31)) for year in range(first, 2020)]
            # Whoever is listed and gives no other sign is a visitor.
            posted = observed("nhs_posted", date(first + 2, 9, 1))
            people.append([observed("nhs_first_from_abroad", date(first, 3, 10)), posted, *listings])
    return people


def decided(country: list[list[dict]], *, but_for: int | None = None) -> list[pl.DataFrame]:
    """All that is decided of the people of a country, but for one of them, and for the order of rows."""
    people = [TimelinePerson(rows, BORN, "EU") for rows in country]
    found = decide(people, default_rules(), DATA_DATE, range(2015, 2020))
    tables = (found.stays, found.migrations, found.late_migrations.drop("factor"), found.residents)
    others = pl.lit(value=True) if but_for is None else pl.col("person_id") != but_for + 1
    return [table.filter(others).sort(pl.all()) for table in tables]


ODD = {
    "a tax year that ends a day late": observed("weeks_active", date(2018, 4, 6), date(2019, 4, 7), weeks=30),
    "a tax year that has not ended": observed("weeks_active", date(2019, 4, 6), DATA_DATE, weeks=30),
    "a tax year of a hundred years ago": observed("weeks_active", date(1909, 4, 6), date(1910, 4, 6), weeks=30),
    "a tax year of one day": observed("weeks_active", date(2009, 1, 1), date(2009, 1, 2), weeks=1),
} | {
    f"{rule} on {day}": observed(rule, day)
    for rule in (
        "border_in", "border_out", "permission_to_stay", "student_from_abroad", "student_enrolled", "worker_arrived",
        "nhs_first_from_abroad", "nhs_flag_4", "nhs_posted", "nhs_moved", "nhs_listed", "nhs_removed",
        "birth_registered", "death_registered", "nhs_removed_dead",
    )
    for day in (THE_FIRST_DAYS, DATA_DATE)
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_record_changes_its_own_person_only(odd: str) -> None:
    country = a_country()
    for victim in (0, 1, 2):  # a worker, a person on a visa, a person on the register
        changed = [[*rows, ODD[odd]] if number == victim else rows for number, rows in enumerate(country)]
        for table, before in zip(decided(changed, but_for=victim), as_it_was(victim), strict=True):
            assert_frame_equal(table, before)


@cache
def as_it_was(but_for: int) -> list[pl.DataFrame]:
    return decided(a_country(), but_for=but_for)


def test_the_tax_years_and_snapshots_are_delivered_ones() -> None:
    """What the country is compared with: workers of the last tax year, and people of the last snapshot, are here."""
    country = a_country()
    outcomes = outcomes_of(country, born=BORN)
    working = [one for one, rows in zip(outcomes, country, strict=True) if rows[-1] == tax_year(2018, 52)]
    listed = [one for one, rows in zip(outcomes, country, strict=True) if rows[-1]["rule_id"] == "nhs_listed"]
    assert working
    assert listed
    assert {end for one in (*working, *listed) for end in one.ends} == {"open"}
