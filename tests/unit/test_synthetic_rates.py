"""The scale of the simulated country, and the size of each kind of error, within statistical bounds."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic_data import extracts, truth_tables
from synthetic_data.country import PARTIES
from synthetic_data.days import dates
from synthetic_data.errors import NO_ERRORS, Errors
from synthetic_data.residence import Lives, live

RESIDENTS = 25_000


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=8, residents=RESIDENTS)


@pytest.fixture(scope="module")
def truth(lives: Lives) -> truth_tables.Truth:
    return truth_tables.settle(lives)


@pytest.fixture(scope="module")
def made(lives: Lives, truth: truth_tables.Truth) -> dict[str, pl.DataFrame]:
    return frames(extracts.extracts(lives, truth.survey_residents, Errors()))


@pytest.fixture(scope="module")
def flawless(lives: Lives, truth: truth_tables.Truth) -> dict[str, pl.DataFrame]:
    return frames(extracts.extracts(lives, truth.survey_residents, NO_ERRORS))


def frames(made: list[extracts.Extract]) -> dict[str, pl.DataFrame]:
    return {one.name: pl.concat(one.files.values()) for one in made}


def test_flows_births_and_deaths_have_the_scale_of_england_and_wales(truth: truth_tables.Truth) -> None:
    tables = truth.tables
    residents = len(truth.survey_residents)
    years = pl.col("date").is_between(date(2015, 7, 1), date(2019, 6, 30))
    a_year = {
        direction: count / 4 / residents
        for direction, count in tables["migrations"].filter(years).group_by("direction").len().iter_rows()
    }
    assert 0.0100 < a_year["immigration"] < 0.0135
    assert 0.0065 < a_year["emigration"] < 0.0095
    people = tables["people"]
    assert 0.0095 < people.filter(pl.col("came_as") == "births").height / 11 / residents < 0.0130
    assert 0.0080 < people["death_date"].count() / 11 / residents < 0.0110


def test_ages_sexes_and_nationalities_are_plausible(truth: truth_tables.Truth, lives: Lives) -> None:
    here = lives.people[truth.survey_residents]
    ages = (truth_tables.SURVEY_DATE - dates("birth", here["birth"])).dt.total_days() / 365.25
    shares = np.histogram(ages, [0, 16, 25, 45, 65, 120])[0] / len(ages)
    assert np.allclose(shares, [0.20, 0.11, 0.26, 0.255, 0.18], atol=0.03)
    assert abs((here["sex"] == "F").mean() - 0.506) < 0.02
    groups = dict(here.group_by("group").len().iter_rows())
    assert abs(groups["British"] / len(here) - 0.90) < 0.025
    assert abs(groups["EU"] / len(here) - 0.055) < 0.015
    assert abs(groups["non_EU"] / len(here) - 0.042) < 0.015


def test_reasons_for_long_stays_are_those_published(truth: truth_tables.Truth) -> None:
    purpose = {party.name: party.purpose for party in PARTIES}
    came = truth.tables["migrations"].filter(pl.col("direction") == "immigration").join(
        truth.tables["people"], on="person"
    ).filter(pl.col("came_as").is_in(list(purpose)))  # fmt: skip
    reasons = came["came_as"].replace_strict(purpose, return_dtype=pl.String).value_counts(normalize=True)
    share = dict(reasons.iter_rows())
    assert 0.48 < share["work"] < 0.66
    assert 0.20 < share["study"] < 0.32
    assert 0.07 < share["return"] < 0.15


def test_short_stays_are_about_as_many_as_long_ones(lives: Lives, truth: truth_tables.Truth) -> None:
    long_stays = truth.tables["migrations"].filter(pl.col("direction") == "immigration").height
    short = lives.stays.filter((pl.col("end") - pl.col("start") <= 365) & (pl.col("end") < 18_600))
    of_visitors = short.filter(pl.Series(lives.purpose[short["row"].to_numpy()] == "visit"))
    assert 0.8 < of_visitors.height / long_stays < 1.4
    days = of_visitors["end"] - of_visitors["start"]
    assert 0.6 < (days < 91).mean() < 0.85


def test_nhs_registration_lags_have_the_published_medians(made: dict[str, pl.DataFrame], lives: Lives) -> None:
    """As published: registrations from abroad of people on the Migrant Worker Scan, by the day they registered."""
    mws = made["mws"].select("row", arrival=pl.col("DATE_OF_ARRIVAL").str.to_date("%d/%m/%Y"))
    abroad = made["pds"].filter(
        (pl.col("REGISTRATION_TYPE") == "4") & pl.col("POSTING_DATE").is_between(date(2014, 8, 1), date(2019, 8, 7))
    )
    lags = abroad.join(mws, on="row").with_columns(lag=(pl.col("POSTING_DATE") - pl.col("arrival")).dt.total_days())
    group = pl.Series("group", lives.group[lags["row"].to_numpy()].astype(str))
    medians = dict(
        lags.with_columns(group).filter(pl.col("lag") >= 0).group_by("group").agg(pl.col("lag").median()).iter_rows()
    )
    assert abs(medians["EU"] - 276) < 75
    assert abs(medians["non_EU"] - 60) < 25


def test_without_errors_every_source_says_the_truth(
    flawless: dict[str, pl.DataFrame], lives: Lives, truth: truth_tables.Truth
) -> None:
    people = lives.people.with_columns(birth=dates("birth", lives.birth))
    for name, given, born in (
        ("births", "CHILD_FORENAME", "DATE_OF_BIRTH"), ("pds", "GIVEN_NAME", "DATE_OF_BIRTH"),
        ("hesa", "FNAMES", "BIRTHDTE"), ("deaths", "FORENAME", "DATE_OF_BIRTH"),
        ("pr", "FORENAME", "DOB"), ("coverage_survey", "FIRST_NAME", "DOB"),
    ):  # fmt: skip
        row = flawless[name]["row"]
        assert (flawless[name][given] == people["given_name"][row]).all()
        assert (flawless[name][born] == people["birth"][row]).all()
    here = np.zeros(len(people), dtype=bool)
    here[truth.survey_residents] = True
    register = flawless["pr"].filter(pl.col("SNAPSHOT_DATE") == date(2017, 7, 31))
    assert np.isin(truth.survey_residents, register["row"].to_numpy()).mean() > 0.99
    assert here[register["row"].to_numpy()].mean() > 0.985
    departures = flawless["exit_checks_travel"]["DIRECTION"].value_counts()
    assert departures.height == 2


def test_errors_are_of_the_size_that_the_catalogue_tells(
    made: dict[str, pl.DataFrame], flawless: dict[str, pl.DataFrame], lives: Lives
) -> None:
    errors = Errors()
    people = made["pds"].unique("row", maintain_order=True)
    row = people["row"].to_numpy()
    misspelt_share = (people["FAMILY_NAME"] != lives.people["family_name"][row]).mean()
    assert 0.5 * errors.names.rate * 0.7 < misspelt_share < 2 * errors.names.rate * 0.7 * errors.names.foreign_factor
    departures, all_departures = (
        one["exit_checks_travel"].filter(pl.col("DIRECTION") == "OUT").height for one in (made, flawless)
    )
    # beside those that are never matched, about 1% are told by no carrier, or go by Ireland
    assert abs(1 - departures / all_departures - errors.departures.unmatched - 0.01) < 0.010
    adults = made["pds"].height / flawless["pds"].height
    assert 0.78 < adults < 1.0
    leavers = flawless["pds"].filter(pl.col("REMOVAL_REASON") == "EMB").height
    assert made["pds"].filter(pl.col("REMOVAL_REASON") == "EMB").height < 0.7 * leavers


def test_people_stay_themselves_in_a_larger_country() -> None:
    small, large = (live(seed=4, residents=number).people for number in (600, 1_200))
    both = small.filter(pl.col("place") < 2).join(large, on="person", suffix="_in_large")
    assert both.height > 500
    for column in ("sex", "birth", "nationality", "given_name", "family_name", "leaves_home", "death"):
        assert both[column].equals(both[f"{column}_in_large"], check_names=False)
