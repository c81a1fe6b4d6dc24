"""The scale of the simulated country, and the size of each kind of error, within statistical bounds."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.delivery import extracts
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import dates
from synthetic_data.truth import truth_tables

RESIDENTS = 25_000
SURVEY_DATE = date(2017, 6, 30)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=8, residents=RESIDENTS)


@pytest.fixture(scope="module")
def truth(lives: Lives) -> dict[str, pl.DataFrame]:
    return truth_tables.tables(lives)


@pytest.fixture(scope="module")
def residents(lives: Lives, truth: dict[str, pl.DataFrame]) -> np.ndarray:
    """Rows of the usual residents on the day of the second coverage survey."""
    there = truth["residents"].filter(pl.col("reference_date") == SURVEY_DATE)
    return np.flatnonzero(np.isin(lives.person, there["person"].to_numpy()))


@pytest.fixture(scope="module")
def made(lives: Lives) -> dict[str, pl.DataFrame]:
    return frames(extracts.extracts(lives, Errors()))


@pytest.fixture(scope="module")
def flawless(lives: Lives) -> dict[str, pl.DataFrame]:
    return frames(extracts.extracts(lives, NO_ERRORS))


def frames(made: list[extracts.DeliveredExtract]) -> dict[str, pl.DataFrame]:
    return {one.name: pl.concat(one.files.values()) for one in made}


def test_flows_births_and_deaths_have_the_scale_of_england_and_wales(
    truth: dict[str, pl.DataFrame], residents: np.ndarray
) -> None:
    """Against 58.7 million residents in mid-2017.

    Flows: 7.4 and 5.2 million of the UK from 2012 to 2021, nine tenths of them here. Births and deaths: 692,000
    and 513,000 a year from mid-2010 to mid-2019.
    """
    people = truth["people"]
    flow_years = pl.col("date").is_between(date(2011, 7, 1), date(2019, 6, 30))
    flows = dict(truth["migrations"].filter(flow_years).group_by("direction").len().iter_rows())
    assert abs(flows["immigration"] / 8 / len(residents) - 0.0115) < 0.0015
    assert abs(flows["emigration"] / 8 / len(residents) - 0.0081) < 0.0012
    years = date(2010, 7, 1), date(2019, 6, 30)
    born = people.filter(pl.col("mother").is_not_null(), pl.col("birth_date").is_between(*years)).height
    died = people.filter(pl.col("death_date").is_between(*years)).height
    assert abs(born / 9 / len(residents) - 0.0118) < 0.0010
    assert abs(died / 9 / len(residents) - 0.0087) < 0.0008


def test_ages_sexes_and_nationalities_are_those_published(residents: np.ndarray, lives: Lives) -> None:
    """Shares of residents, within four standard errors and the two years from mid-2017 to the published figures.

    Ages and sexes: mid-2019 estimates. Nationalities: 2019, 3.7 million of the EU with Ireland and 2.5 million of
    elsewhere in the UK, 93% of them among the 59.4 million here; who has naturalised is British.
    """
    here = lives.people[residents]
    ages = (SURVEY_DATE - dates("birth", here["birth"])).dt.total_days() / 365.25
    shares = np.histogram(ages, [0, 15, 25, 45, 65, 120])[0] / len(ages)
    assert np.allclose(shares, [0.181, 0.117, 0.262, 0.254, 0.185], atol=0.015)
    assert abs((here["sex"] == "F").mean() - 0.506) < 0.012
    survey_day = (SURVEY_DATE - date(1970, 1, 1)).days
    group = here.select(pl.when(pl.col("naturalised") <= survey_day).then(pl.lit("British")).otherwise("group"))
    share = dict(group.to_series().value_counts(normalize=True).iter_rows())
    assert abs(share["EU"] + share["Irish"] - 0.058) < 0.012
    assert abs(share["non_EU"] - 0.039) < 0.010
    assert abs(share["British"] - 0.903) < 0.016


def test_reasons_for_long_stays_are_those_published(truth: dict[str, pl.DataFrame]) -> None:
    """Published reasons changed: work from 48% (year to March 2016) to 35% (2019), study from 26% to 36%."""
    purpose = {group.name: group.purpose for group in MIGRANT_GROUPS}
    came = truth["migrations"].filter(pl.col("direction") == "immigration").join(
        truth["people"], on="person"
    ).filter(pl.col("migrant_group").is_in(list(purpose)))  # fmt: skip
    reasons = came["migrant_group"].replace_strict(purpose, return_dtype=pl.String).value_counts(normalize=True)
    share = dict(reasons.iter_rows())
    assert 0.35 < share["work"] < 0.55
    assert 0.24 < share["study"] < 0.36
    assert 0.07 < share["return"] < 0.15
    assert share["family"] > share["protection"] > 0.02
    assert share["visit"] < 0.005  # those whose visits are so close that they count as one stay


def test_number_and_length_of_visits_are_those_published(
    truth: dict[str, pl.DataFrame], residents: np.ndarray
) -> None:
    """317,000 arrivals for 3 to 12 months in the year to June 2014, and 73% of those for 1 to 12 leave within 3."""
    visits = truth["statuses"].filter(
        pl.col("definition") == "short_term_1_to_12", pl.col("date").is_between(date(2012, 7, 1), date(2015, 6, 30))
    )
    short = (visits["kind"] == "1_to_3_months").mean()
    assert abs(short - 0.73) < 0.05
    assert abs(visits.height * (1 - short) / 3 / len(residents) - 317_000 / 58_700_000) < 0.0012


def test_nhs_registration_lags_have_the_published_medians(made: dict[str, pl.DataFrame], lives: Lives) -> None:
    """As published: registrations from abroad of people on the Migrant Worker Scan, by the day they registered."""
    mws = made["mws"].select("row", arrival=pl.col("DATE_OF_ARRIVAL").str.to_date("%d/%m/%Y"))
    abroad = made["pds"].filter(
        (pl.col("REGISTRATION_TYPE") == "4") & pl.col("POSTING_DATE").is_between(date(2014, 8, 1), date(2019, 8, 7))
    )
    lags = abroad.join(mws, on="row").with_columns(lag=(pl.col("POSTING_DATE") - pl.col("arrival")).dt.total_days())
    group = lives.group[lags["row"].to_numpy()].series("group")
    medians = dict(
        lags.with_columns(group).filter(pl.col("lag") >= 0).group_by("group").agg(pl.col("lag").median()).iter_rows()
    )
    assert abs(medians["EU"] - 276) < 75
    assert abs(medians["non_EU"] - 60) < 25


def test_without_errors_every_source_records_the_truth(
    flawless: dict[str, pl.DataFrame], lives: Lives, residents: np.ndarray
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
    here[residents] = True
    register = flawless["pr"].filter(pl.col("SNAPSHOT_DATE") == date(2017, 7, 31))
    assert np.isin(residents, register["row"].to_numpy()).mean() > 0.99
    assert here[register["row"].to_numpy()].mean() > 0.985
    departures = flawless["exit_checks_travel"]["DIRECTION"].value_counts()
    assert departures.height == 2


def test_errors_have_the_size_given_in_the_catalogue(
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
    # in addition to those never matched, about 1% are reported by no carrier, or go through Ireland
    assert abs(1 - departures / all_departures - errors.departures.unmatched - 0.01) < 0.010
    adults = made["pds"].height / flawless["pds"].height
    assert 0.78 < adults < 1.0
    leavers = flawless["pds"].filter(pl.col("REMOVAL_REASON") == "EMB").height
    assert made["pds"].filter(pl.col("REMOVAL_REASON") == "EMB").height < 0.7 * leavers


def test_people_are_the_same_in_a_larger_country() -> None:
    small, large = (live(seed=4, residents=number).people for number in (600, 1_200))
    both = small.filter(pl.col("place") < 2).join(large, on="person", suffix="_in_large")
    assert both.height > 500
    for column in ("sex", "birth", "nationality", "given_name", "family_name", "leaves_home", "death"):
        assert both[column].equals(both[f"{column}_in_large"], check_names=False)
