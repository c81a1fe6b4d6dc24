"""The truth tables against the oracle, applied to every person, and against the lives themselves."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic_data.country.geography import authorities
from synthetic_data.country.tables import table
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.truth import definitions, truth_tables
from synthetic_data.truth.life import Life, chains

BEGIN, HORIZON = truth_tables.BEGIN, truth_tables.HORIZON


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=11, residents=2_000)


@pytest.fixture(scope="module")
def tables(lives: Lives) -> dict[str, pl.DataFrame]:
    return truth_tables.tables(lives)


def test_the_shortcut_for_people_who_never_cross_agrees_with_the_oracle(tables: dict[str, pl.DataFrame]) -> None:
    people = {person: (birth, death) for person, birth, death in tables["people"].select(
        "person", "birth_date", "death_date").iter_rows()}  # fmt: skip
    statuses, residents = set(), set()
    for person, of_person in _spells(tables["presence"]).items():
        statuses |= {
            (person, *status) for status in definitions.statuses(Life(of_person, *people[person], BEGIN, HORIZON))
        }
        joined = chains(of_person)
        residents |= {
            (on, person) for on in truth_tables.REFERENCE_DATES if definitions.is_usual_resident(joined, on, HORIZON)
        }
    assert set(tables["statuses"].iter_rows()) == statuses
    assert set(tables["residents"].select("reference_date", "person").iter_rows()) == residents
    assert tables["statuses"].height == len(statuses)
    assert tables["residents"].height == len(residents)


def test_the_published_migrations_are_the_long_term_statuses(tables: dict[str, pl.DataFrame]) -> None:
    assert tables["migrations"].columns == ["person", "date", "direction"]
    long_term = tables["statuses"].filter(pl.col("definition") == "long_term")
    assert tables["migrations"].rows() == long_term.select("person", "date", "kind").rows()


def test_every_definition_finds_some_people(tables: dict[str, pl.DataFrame]) -> None:
    found = dict(tables["statuses"].group_by("definition").agg(pl.struct("person", "date").n_unique()).iter_rows())
    assert set(found) == {
        "long_term", "twelve_months", "days_365_of_487", "short_term_1_to_12", "short_term_3_to_12", "circular",
        "circular_90_days",
    }  # fmt: skip
    assert found["twelve_months"] < found["long_term"]
    assert found["short_term_3_to_12"] < found["short_term_1_to_12"]
    assert 0 < found["circular"] < found["circular_90_days"]


def test_each_person_is_present_once_at_a_time_between_birth_and_death(tables: dict[str, pl.DataFrame]) -> None:
    presence = tables["presence"].join(tables["people"], on="person").sort("person", "start")
    assert presence["person"].n_unique() == tables["people"].height
    assert (presence["start"] >= presence["birth_date"]).all()
    end = pl.col("end").fill_null(HORIZON)
    assert presence.filter(pl.col("start") >= end).is_empty()
    assert presence.filter(end > pl.col("death_date").fill_null(HORIZON)).is_empty()
    assert presence.filter((pl.col("start") <= end.shift(1)).over("person").fill_null(value=False)).is_empty()


def test_residents_live_in_the_authority_of_their_address(lives: Lives, tables: dict[str, pl.DataFrame]) -> None:
    assert tables["residents"].columns == ["reference_date", "person", "local_authority", "region"]
    assert tables["residents"].null_count().sum_horizontal().sum() == 0
    regions = table("local_authorities").select("region", local_authority="authority")
    assert tables["residents"].join(regions, on=["local_authority", "region"], how="anti").is_empty()
    rows = {person: row for row, person in enumerate(lives.person.tolist())}
    for on, person, authority, _ in tables["residents"].sample(200, seed=1).iter_rows():
        at = lives.postcode_at(np.array([rows[person]]), np.array([(on - date(1970, 1, 1)).days]))
        assert authorities()["authority"][int(lives.map.authority[at[0]])] == authority


def test_stock_and_flows_of_the_truth_add_up_year_by_year(tables: dict[str, pl.DataFrame]) -> None:
    """Residents change by births, deaths and migrations; lives of less than a year do not count as residence."""
    people, migrations = tables["people"], tables["migrations"]
    residents = tables["residents"]
    for year in range(2016, 2020):
        first, last = date(year - 1, 6, 30), date(year, 6, 30)
        before, after = (residents.filter(pl.col("reference_date") == on)["person"] for on in (first, last))
        came, left = set(after) - set(before), set(before) - set(after)
        in_year = pl.col("date").is_between(first, last, closed="right")
        moved = migrations.filter(in_year)
        born = people.filter(pl.col("birth_date").is_between(first, last, closed="right"))
        died = people.filter(pl.col("death_date").is_between(first, last, closed="right"))
        assert came <= set(moved.filter(pl.col("direction") == "immigration")["person"]) | set(born["person"])
        assert left <= set(moved.filter(pl.col("direction") == "emigration")["person"]) | set(died["person"])


def _spells(presence: pl.DataFrame) -> dict[int, list[tuple[date, date | None]]]:
    found: dict[int, list[tuple[date, date | None]]] = {}
    for person, start, end in presence.sort("person", "start").iter_rows():
        found.setdefault(person, []).append((start, end))
    return found


def test_no_one_returns_within_a_year_of_a_long_departure(lives: Lives) -> None:
    """Disregarding journeys, stays are separated by more than 365 days, so that no visit joins two of them."""
    gaps = lives.stays.with_columns(gap=pl.col("start") - pl.col("end").shift(1).over("row"))
    assert gaps["gap"].drop_nulls().min() > 365
    assert (lives.trips["back"] - lives.trips["out"]).max() <= 350
