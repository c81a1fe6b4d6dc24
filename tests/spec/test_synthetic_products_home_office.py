"""The sources of the Home Office: each agrees with the lives and with exit checks."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.institutions.home_office import leave_applications, settlement_scheme
from synthetic_data.institutions.home_office.permissions import permissions
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, NEVER, YEAR, dates

RESIDENTS = 3_000


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=6, residents=RESIDENTS)


@pytest.fixture(scope="module")
def view(lives: Lives) -> InstitutionView:
    return InstitutionView(lives, NO_ERRORS)


# leave and citizenship


def test_grants_of_leave_are_the_permissions_of_exit_checks(view: InstitutionView, lives: Lives) -> None:
    applications = leave_applications.leave_applications(view)
    granted = applications.filter(pl.col("OUTCOME") == "GRANT").select("row", "VALID_FROM", "VALID_TO")
    shown = permissions(lives, DATA_DATE)
    expected = shown.select("row").with_columns(
        VALID_FROM=dates("from", shown["valid_from"]), VALID_TO=dates("to", shown["valid_to"])
    )
    assert granted.sort(granted.columns).equals(expected.sort(expected.columns))
    assert (applications["LODGED_DATE"] < applications["OUTCOME_DATE"]).all()
    refused = applications.filter(pl.col("OUTCOME") == "REFUSE")
    assert refused["VALID_FROM"].null_count() == len(refused)
    again = refused.join(applications.filter(pl.col("OUTCOME") == "GRANT"), on=["row", "LEAVE_CATEGORY"], how="left")
    later = again.filter(pl.col("LODGED_DATE_right") > pl.col("OUTCOME_DATE"))
    assert later["row"].n_unique() == refused["row"].n_unique()


def test_settlement_and_extensions_follow_from_how_people_came(view: InstitutionView) -> None:
    applications = leave_applications.leave_applications(view).sort("row", "OUTCOME_DATE")
    settled = applications.filter((pl.col("CASE_TYPE") == "SET") & (pl.col("OUTCOME") == "GRANT"))
    assert settled["VALID_TO"].null_count() == len(settled)
    assert settled["LEAVE_CATEGORY"].str.starts_with("SET").all()
    extended = applications.filter((pl.col("CASE_TYPE") == "LTR") & (pl.col("OUTCOME") == "GRANT"))
    first = applications.filter((pl.col("CASE_TYPE") == "EC") & (pl.col("OUTCOME") == "GRANT"))
    unchanged = extended.join(first, on=["row", "LEAVE_CATEGORY"], how="semi")
    switched = extended.join(first, on=["row", "LEAVE_CATEGORY"], how="anti")
    assert unchanged.height > 20
    # people who are granted another category than their first one came to study
    students = first.filter(pl.col("LEAVE_CATEGORY").str.starts_with("T4"))
    assert switched.height > 5
    assert set(switched["row"]) <= set(students["row"])


def test_citizens_are_those_who_naturalise_on_the_day_of_their_ceremony(view: InstitutionView, lives: Lives) -> None:
    granted = leave_applications.citizenship(view).filter(pl.col("OUTCOME") == "GRANT")
    british = lives.naturalised
    expected = np.flatnonzero(british <= DATA_DATE)
    assert sorted(granted["row"]) == expected.tolist()
    on = granted.select(pl.coalesce("CEREMONY_DATE", "OUTCOME_DATE")).to_series()
    assert (on == dates("on", british[granted["row"].to_numpy()])).all()


# the settlement scheme


def timelines(lives: Lives, row: int) -> Iterator[tuple[int, int]]:
    yield from lives.stays.filter(pl.col("row") == row).select("start", "end").iter_rows()


def slow_resident_since(lives: Lives, row: int, on: int) -> int:
    """Walk through the stays of one person."""
    since, left = NEVER, None
    for start, end in timelines(lives, row):
        if start > on:
            break
        if left is None or start - left > settlement_scheme.CONTINUOUS_GAP:
            since = start
        left = end
    return since


def test_five_years_of_residence_settle(view: InstitutionView, lives: Lives) -> None:
    applications = settlement_scheme.applications(view)
    decided = applications.filter(pl.col("OUTCOME").is_in(["SETTLED", "PRE-SETTLED"]))
    assert decided.height > 30
    row = decided["row"].to_numpy()
    on = decided["APPLICATION_DATE"].to_physical().to_numpy().astype(np.int64)
    since = np.array([slow_resident_since(lives, *one) for one in zip(row.tolist(), on.tolist(), strict=True)])
    adult = (on - lives.birth[row]) / YEAR >= settlement_scheme.CHILD_UNTIL
    long = on - since >= 5 * YEAR
    settled = (decided["OUTCOME"] == "SETTLED").to_numpy()
    assert not (settled & ~long & adult).any()
    assert settled[long].mean() > 0.85


def test_applicants_are_eu_nationals_who_live_here_and_are_not_british(view: InstitutionView, lives: Lives) -> None:
    applications = settlement_scheme.applications(view)
    row = applications["row"].to_numpy()
    on = applications["APPLICATION_DATE"].to_physical().to_numpy().astype(np.int64)
    assert set(lives.people["fine_group"].to_numpy()[row]) <= set(settlement_scheme.GROUPS)
    assert lives.is_here(row, on).all()
    assert (on < lives.naturalised[row]).all()
    assert (applications["APPLICATION_DATE"] >= date(2018, 8, 28)).all()
    assert (applications["APPLICATION_DATE"] >= date(2019, 3, 30)).sum() > 0.7 * len(applications)
    pending = applications["OUTCOME"] == "PENDING"
    assert (applications["OUTCOME_DATE"].is_null() == pending).all()
    assert applications["UAN"].is_unique().all()


def test_one_person_has_one_reference_in_leave_and_the_scheme(view: InstitutionView) -> None:
    both = leave_applications.citizenship(view).select("row", "HO_PERSON_ID").unique()
    other = settlement_scheme.applications(view).select("row", "HO_PERSON_ID").unique()
    of_two = both.join(other, on="row")
    assert (of_two["HO_PERSON_ID"] == of_two["HO_PERSON_ID_right"]).all()
    references = pl.concat([both, other]).unique()
    assert references["HO_PERSON_ID"].n_unique() == references["row"].n_unique() == len(references)
