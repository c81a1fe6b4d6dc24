"""Lists of the NHS, weeks of activity, the student record and the registrars, compared with true lives."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic_data.errors.catalogue import Errors, with_overrides
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.institutions import activity, registrars
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.institutions.nhs.removals import ONE_CONTRACTOR
from synthetic_data.institutions.revenue import activity_weeks
from synthetic_data.institutions.universities import student_record
from synthetic_data.institutions.universities.other_courses import EXCHANGE, PART_TIME, POSTGRADUATE, other_courses
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives import higher_education
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import FIRST_DAY, NEVER, age, day

RESIDENTS = 6_000
LAST = day(2020, 12, 31)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=4, residents=RESIDENTS)


@pytest.fixture(scope="module")
def view(lives: Lives) -> InstitutionView:
    return InstitutionView(lives, Errors())


@pytest.fixture(scope="module")
def postings(view: InstitutionView) -> pl.DataFrame:
    return patient_registers.postings(view.lives, view.working, view.errors, LAST)


def snapshot(view: InstitutionView, postings: pl.DataFrame, year: int) -> pl.DataFrame:
    return patient_registers.patient_registers(view, postings, [year])[year]


def ghosts(lives: Lives) -> np.ndarray:
    return np.flatnonzero(lives.people["ghost"].to_numpy())


def test_ghosts_are_posted_before_2010_and_then_at_most_cleaned_off(lives: Lives, postings: pl.DataFrame) -> None:
    of_ghosts = postings.filter(pl.col("row").is_in(pl.Series(ghosts(lives)).implode()))
    assert of_ghosts["row"].n_unique() == len(ghosts(lives)) > 100
    later = of_ghosts.filter(pl.col("posting") >= FIRST_DAY)
    assert (later["type"] == patient_registers.REMOVAL).all()
    assert set(later["reason"]) == {"CGA"}
    assert later["row"].is_unique().all()


def test_lists_are_cleaned_at_the_pace_of_the_catalogue(
    lives: Lives, view: InstitutionView, postings: pl.DataFrame
) -> None:
    """4% a year are taken off up to September 2015 (5.67 years): 1 - 0.96 ** 5.67 = 20.7% of the ghosts."""
    off = postings.filter(
        pl.col("row").is_in(pl.Series(ghosts(lives)).implode()) & (pl.col("type") == patient_registers.REMOVAL)
    )["posting"]
    number = len(ghosts(lives))
    share = 1 - (1 - view.errors.leavers.cleaned_a_year) ** 5.67
    found = (off < ONE_CONTRACTOR).sum() / number
    assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / number)


def test_lists_exceed_the_residents_and_ever_more(view: InstitutionView, postings: pl.DataFrame) -> None:
    excess = []
    for year in (2014, 2019):
        listed = len(snapshot(view, postings, year))
        here = view.lives.is_here(
            np.arange(len(view.lives.people)), np.full(len(view.lives.people), day(year, 7, 31))
        )
        excess.append(listed / here.sum() - 1)
    assert 0.01 < excess[0] < excess[1] < 0.08


def test_perfect_lists_contain_nobody_who_has_left(lives: Lives) -> None:
    perfect = InstitutionView(lives, NO_ERRORS)
    listed = snapshot(perfect, patient_registers.postings(lives, perfect.working, NO_ERRORS, LAST), 2017)[
        "row"
    ].to_numpy()
    # a death is posted within some days
    assert lives.is_here(listed, np.full(len(listed), day(2017, 7, 31))).mean() > 0.998


def flags(lives: Lives, postings: pl.DataFrame, lost: float) -> pl.DataFrame:
    errors = with_overrides(Errors(), {"registration": {"flag_lost": lost}}, "test")
    return patient_registers.patient_registers(InstitutionView(lives, errors), postings, [2017])[2017]


def test_flag_4_is_that_of_an_acceptance_within_the_year_and_is_lost_with_the_practice(
    lives: Lives, postings: pl.DataFrame
) -> None:
    in_year = postings.filter(pl.col("posting").is_between(day(2016, 8, 1), day(2017, 7, 31)))
    accepted = in_year.filter(pl.col("type") == patient_registers.FIRST_FROM_ABROAD)
    moved = in_year.filter(pl.col("type") == patient_registers.MOVE).join(accepted, on="row", suffix="_before")
    moved = set(moved.filter(pl.col("posting") > pl.col("posting_before"))["row"])
    kept, always_lost, mostly_lost = (flags(lives, postings, lost) for lost in (0.0, 1.0, 0.8))
    listed = set(kept["row"])
    assert set(kept.filter("FLAG4")["row"]) == set(accepted["row"]) & listed
    assert set(always_lost.filter("FLAG4")["row"]) == (set(accepted["row"]) - moved) & listed
    assert len(moved & listed) > 3
    assert always_lost["FLAG4"].sum() <= mostly_lost["FLAG4"].sum() < kept["FLAG4"].sum()
    flagged = kept.filter("FLAG4")
    assert flagged["ACCEPT_DATE"].is_between(date(2016, 8, 1), date(2017, 7, 31)).all()


def test_weeks_and_benefits_agree(view: InstitutionView) -> None:
    weeks = next(one for one in activity.deliver(view) if one.name == "activity_weeks").files[
        "activity_weeks.parquet"
    ]
    combination = weeks["BENEFIT_COMBINATION"]
    assert combination.null_count() == 0
    assert ((combination == activity.NO_BENEFIT) == (weeks["WEEKS_BENEFIT"] == 0)).all()
    assert (weeks["WEEKS_ANY"] >= weeks["WEEKS_TAX"]).all()
    assert (weeks["WEEKS_ANY"] <= weeks["WEEKS_TAX"] + weeks["WEEKS_BENEFIT"]).all()
    on_credit = (
        weeks.group_by("TAX_YEAR_START")
        .agg(uc=pl.col("BENEFIT_COMBINATION").str.starts_with("UC").mean())
        .sort("TAX_YEAR_START")
    )
    assert (on_credit.filter(pl.col("TAX_YEAR_START") < date(2013, 4, 6))["uc"] == 0).all()
    assert on_credit["uc"].to_list()[-1] > on_credit["uc"].to_list()[-3] > 0
    pensions = weeks.filter(combination.str.starts_with("RP"))["row"].unique().to_numpy()
    assert age(view.lives.birth[pensions], day(2019, 4, 6)).min() > 60


def test_the_longer_part_of_a_year_names_its_benefits() -> None:
    """Of 100 days on JSA and 200 on ESA, ESA counts; of two equal parts the first; NONE without any."""
    start = day(2016, 4, 6)
    weeks = pl.DataFrame({
        "row": [1, 2, 3], "year": [2016] * 3, "WEEKS_BENEFIT": [43, 20, 0],
    })  # fmt: skip
    spells = pl.DataFrame({
        "row": [1, 1, 2, 2, 3], "start": [start, start + 100, start + 10, start + 80, start - 900],
        "end": [start + 99, start + 299, start + 79, start + 149, start - 1],
        "combination": ["JSA", "ESA+HB", "IS", "JSA", "JSA"],
    })  # fmt: skip
    assert activity.combinations(weeks, spells).to_list() == ["ESA+HB", "IS", "NONE"]


def test_pension_begins_with_the_first_tax_year_at_the_age_of_the_law(lives: Lives) -> None:
    """A woman born in January 1950 is 60 in 2010; born in December 1953, 65 in December 2018, as men are."""
    people = lives.people.head(3).with_columns(
        sex=pl.Series(["F", "F", "M"]), birth=pl.Series([day(1950, 1, 10), day(1953, 12, 6), day(1950, 1, 10)])
    )
    three = Lives(lives.seed, lives.residents, people, lives.households, lives.stays, lives.trips, lives.moves)
    from_days = activity_weeks.pension_from(three, np.arange(3))
    assert from_days.tolist() == [day(2010, 4, 6), day(2019, 4, 6), day(2015, 4, 6)]


def test_a_lost_tax_return_hides_a_self_employed_year_alone(lives: Lives, view: InstitutionView) -> None:
    every = with_overrides(Errors(), {"registration": {"self_employed_gap": 1.0, "activity_gap": 0.0}}, "test")
    none = with_overrides(Errors(), {"registration": {"self_employed_gap": 0.0, "activity_gap": 0.0}}, "test")
    weeks_by_errors = [activity_weeks.activity_weeks(replace(view, errors=errors)) for errors in (every, none)]
    hidden = weeks_by_errors[1].join(weeks_by_errors[0], on=["row", "year"], how="anti")
    assert view.working.self_employed[hidden["row"].to_numpy()].all()
    share = hidden["row"].n_unique() / weeks_by_errors[1]["row"].n_unique()
    assert 0.05 < share < 0.15


@pytest.fixture(scope="module")
def record(lives: Lives) -> pl.DataFrame:
    return student_record.students(lives, Errors())


def test_four_of_five_enrolled_are_home_students_some_of_them_part_time(record: pl.DataFrame) -> None:
    of_year = record.filter(pl.col("ACYEAR") == "2018/19")
    home = of_year["DOMICILE"].is_in(["XF", "XI"])
    assert 0.70 < home.mean() < 0.88
    assert 0.02 < (of_year["DOMICILE"] == "XI").sum() / home.sum() < 0.10
    assert 0.1 < (of_year["MODE"] == "31").mean() < 0.35
    assert set(of_year.filter(~home)["MODE"]) == {"01"}


def test_a_change_of_provider_is_a_new_instance_and_a_first_year(record: pl.DataFrame) -> None:
    second = record.filter(pl.col("NUMHUS").str.ends_with("B"))
    first = second.select("row", course=pl.col("NUMHUS").str.slice(0, 2), provider="UKPRN", began="COMDATE").join(
        record.filter(pl.col("NUMHUS").str.ends_with("A")).with_columns(course=pl.col("NUMHUS").str.slice(0, 2)),
        on=["row", "course"],
    )  # fmt: skip
    assert len(first) > 5
    assert (first["COMDATE"] < first["began"]).all()
    assert (first["ENDDATE"].drop_nulls().len()) > 0
    begun = second.filter(pl.col("COMDATE").dt.year() == pl.col("YEARSTART").dt.year())
    assert (begun["YEARSTU"] == 1).all()


def test_placements_are_single_years_of_longer_courses(lives: Lives, record: pl.DataFrame) -> None:
    out = record.filter(pl.col("LOCSDY").is_in([student_record.ON_PLACEMENT, student_record.ABROAD]))
    assert out["row"].is_unique().all()
    placed = lives.once(higher_education.courses).filter(pl.col("placement") < NEVER)["row"]
    assert set(out["row"]) <= set(placed)
    assert not lives.visa_national[out.filter(pl.col("LOCSDY") == student_record.ABROAD)["row"].to_numpy()].any()


def test_other_courses_are_taken_by_people_who_live_here(lives: Lives) -> None:
    courses = other_courses(lives)
    row = courses["row"].to_numpy()
    assert lives.is_here(row, courses["begin"].to_numpy()).all()
    assert (courses["end"] > courses["begin"]).all()
    home = courses.filter("home")
    lived = home["begin"].to_numpy() - lives.first_start[home["row"].to_numpy()]
    assert (lived > 3 * 365).all()
    assert set(home["course"]) >= {PART_TIME, POSTGRADUATE}
    exchange = courses.filter(pl.col("course") == EXCHANGE)
    assert lives.purpose[exchange["row"].to_numpy()].are("visit").all()


def test_twins_are_registered_on_one_day(lives: Lives) -> None:
    births = registrars.births(lives, np.ones(len(lives.people), dtype=bool), Errors(), LAST)
    people = lives.people.select("mother", "birth", "twin")[births["row"]]
    twins = pl.concat([births, people], how="horizontal").filter("twin")
    pairs = twins.group_by("mother", "birth").agg(pl.col("REGISTRATION_DATE").n_unique(), pl.len())
    assert len(pairs) > 5
    assert (pairs["REGISTRATION_DATE"] == 1).all()


def test_only_visitors_give_an_address_abroad_and_deaths_abroad_are_not_seen(lives: Lives) -> None:
    births = registrars.births(lives, np.ones(len(lives.people), dtype=bool), NO_ERRORS, LAST)
    deaths = registrars.deaths(lives, NO_ERRORS, LAST)
    for events in (births, deaths):
        abroad = events.filter(pl.col("USUAL_ADDRESS_POSTCODE").is_null())["row"].to_numpy()
        assert lives.purpose[abroad].are("visit").all()
    row = deaths["row"].to_numpy()
    assert lives.is_here(row, lives.death[row] - 1).all()
