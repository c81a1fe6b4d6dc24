"""The sources for other products: each agrees with the lives and with the other sources."""

from datetime import date
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from synthetic_data.country.geography import authorities
from synthetic_data.country.tables import table
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.institutions import activity
from synthetic_data.institutions.benefits import benefit_spells, child_benefit, tax_credits, universal_credit
from synthetic_data.institutions.home_office import leave_applications, settlement_scheme
from synthetic_data.institutions.revenue import activity_weeks, earnings
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, YEAR, as_date, day, year_starts

RESIDENTS = 3_000


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=6, residents=RESIDENTS)


@pytest.fixture(scope="module")
def view(lives: Lives) -> InstitutionView:
    return InstitutionView(lives, NO_ERRORS)


@pytest.fixture(scope="module")
def weeks(view: InstitutionView) -> pl.DataFrame:
    return activity.weeks_of_people(view, activity_weeks.activity_weeks(view, view.data_date))


@pytest.fixture(scope="module")
def spells(view: InstitutionView) -> pl.DataFrame:
    return benefit_spells.benefit_spells(view)


def within(count: int, share: float, of: int) -> bool:
    return abs(count / of - share) < 4 * np.sqrt(share * (1 - share) / of)


# benefits


def test_spells_cover_the_weeks_on_benefit_of_each_tax_year_and_no_others(
    weeks: pl.DataFrame, spells: pl.DataFrame
) -> None:
    """By a slow count: the days of each spell inside each tax year."""
    years = weeks.select("TAX_YEAR_START", "TAX_YEAR_END").unique().sort("TAX_YEAR_START")
    days = (
        spells.with_columns(pl.col("END_DATE").fill_null(as_date(DATA_DATE)))
        .join(years, how="cross")
        .with_columns(
            days=(
                pl.min_horizontal("END_DATE", "TAX_YEAR_END") - pl.max_horizontal("START_DATE", "TAX_YEAR_START")
            ).dt.total_days()
            + 1
        )
        .filter(pl.col("days") > 0)
        .group_by("row", "TAX_YEAR_START")
        .agg(pl.col("days").sum())
    )
    both = weeks.filter(pl.col("WEEKS_BENEFIT") > 0).join(
        days, on=["row", "TAX_YEAR_START"], how="full", coalesce=True
    )
    assert both.height > 2_000
    assert both.null_count().sum_horizontal().item() == 0
    covered = np.minimum(np.round(both["days"].to_numpy() / 7), 52)
    assert (covered == both["WEEKS_BENEFIT"].to_numpy()).all()


def test_spells_of_a_person_follow_one_another(spells: pl.DataFrame) -> None:
    ordered = spells.sort("row", "START_DATE")
    assert (ordered["END_DATE"] >= ordered["START_DATE"]).all()
    after = ordered.filter(pl.col("row") == pl.col("row").shift(1))
    before = ordered.filter(pl.col("row") == pl.col("row").shift(-1))
    assert before["END_DATE"].null_count() == 0
    assert (after["START_DATE"] > before["END_DATE"]).all()


def test_universal_credit_replaces_older_benefits_as_it_is_rolled_out(lives: Lives, spells: pl.DataFrame) -> None:
    credit = spells.filter(pl.col("BEN_COMB").str.starts_with("UC"))
    of_age = spells.filter(~pl.col("BEN_COMB").str.starts_with("RP"))
    assert (credit["START_DATE"] >= date(2013, 4, 29)).all()
    assert (credit.filter(pl.col("UC_SERVICE") == "FULL")["START_DATE"] >= date(2016, 5, 25)).all()
    assert of_age.filter(pl.col("START_DATE") > date(2018, 12, 12))["BEN_COMB"].str.starts_with("UC").all()
    for column in ("UC_SERVICE", "UC_REGIME"):
        assert credit[column].null_count() == 0
        assert spells.filter(~pl.col("BEN_COMB").str.starts_with("UC"))[column].null_count() == len(spells) - len(
            credit
        )
    row, start = of_age["row"].to_numpy(), of_age["START_DATE"].to_physical().to_numpy().astype(np.int64)
    opened = start >= universal_credit.full_service(lives.authority_at(row, start))
    assert of_age.filter(pl.Series(opened))["BEN_COMB"].str.starts_with("UC").all()


def test_the_full_service_opens_in_all_authorities_from_may_2016_to_december_2018() -> None:
    opens = universal_credit.full_service(np.arange(len(authorities())))
    assert as_date(int(opens.min())) >= date(2016, 5, 25)
    assert as_date(int(opens.max())) <= date(2018, 12, 12)
    assert within(int((opens < day(2018, 1, 1)).sum()), 0.32, len(opens))


def test_combinations_have_one_main_benefit_and_help_with_disability_changes_its_name(spells: pl.DataFrame) -> None:
    benefits = spells["BEN_COMB"].str.split("+")
    main = pl.Series(["UC", "JSA", "ESA", "IS", "RP"])
    assert benefits.list.set_intersection(main.to_list()).list.len().unique().to_list() == [1]
    late = spells.filter(pl.col("START_DATE") >= date(2013, 6, 10))["BEN_COMB"]
    assert not late.str.contains("DLA").any()
    assert late.str.contains("PIP").any()


# tax years


def test_there_is_a_tax_year_for_every_year_with_weeks_in_tax(view: InstitutionView, weeks: pl.DataFrame) -> None:
    delivered = earnings.tax_years(view)
    expected = weeks.filter(pl.col("WEEKS_TAX") > 0).with_columns(
        TAX_YEAR=pl.col("TAX_YEAR_START").dt.strftime("%Y-") + pl.col("TAX_YEAR_END").dt.strftime("%y")
    )
    columns = ["row", "TAX_YEAR", "WEEKS_TAX"]
    assert (
        delivered.select("row", "TAX_YEAR", WEEKS_TAX="WEEKS_IN_YEAR")
        .sort(columns)
        .equals(expected.select(columns).sort(columns))
    )
    assert delivered.filter(pl.col("TAX_YEAR") < "2013-14")["RETURN_TYPE"].unique().sort().to_list() == ["P14", "SA"]
    assert delivered.filter(pl.col("TAX_YEAR") >= "2013-14")["RETURN_TYPE"].unique().sort().to_list() == ["RTI", "SA"]


def test_bands_of_pay_begin_at_their_limits() -> None:
    pay = np.array([4_999.9, 5_000, 149_999, 150_000])
    assert (1 + np.searchsorted(earnings.BANDS, pay, side="right")).tolist() == [1, 2, 11, 12]


def test_industries_have_the_shares_of_their_nationality_group_and_sex() -> None:
    country = live(seed=3, residents=12_000)
    sections = table("industries")
    for group, sex in (("British", "F"), ("British", "M"), ("EU8", "M")):
        those = (country.people["fine_group"] == group) & (country.people["sex"] == sex)
        row = np.flatnonzero(those.to_numpy())
        found = np.bincount(earnings.industry(country, row, np.full(len(row), 2016)), minlength=len(sections))
        women = sections["women"].to_numpy()
        shares = sections[group].to_numpy() * (women if sex == "F" else 1 - women)
        for count, share in zip(found, shares / shares.sum(), strict=True):
            assert abs(count / len(row) - share) < 4.5 * np.sqrt(share * (1 - share) / len(row)) + 1e-9, (group, sex)


def test_pay_has_its_median_by_age_sex_and_place(lives: Lives) -> None:
    """Against the industry's own factor: men of 40 to 49 outside London earn 535 pounds times 1.17 in 2018."""
    age = (year_starts(2018, 4, 6) - lives.birth) / YEAR
    chosen = (age >= 40) & (age < 50) & (lives.people["sex"] == "M").to_numpy() & (lives.part != earnings.LONDON_PART)
    row = np.flatnonzero(chosen)
    years = np.full(len(row), 2018)
    sections = earnings.industry(lives, row, years)
    factor = table("industries")["pay"].to_numpy()[sections]
    median = np.median(earnings.weekly_pay(lives, row, years, sections) / factor)
    spread = np.hypot(earnings.PERSON_SIGMA, earnings.YEAR_SIGMA)
    assert abs(np.log(median / (535 * 1.17))) < 4 * 1.2533 * spread / np.sqrt(len(row))


# families


def test_families_agree_with_lives(view: InstitutionView, lives: Lives) -> None:
    awards = child_benefit.child_awards(view)
    assert awards.height > 500
    child, row = awards["child"].to_numpy(), awards["row"].to_numpy()
    start, end = awards["start"].to_numpy(), awards["end"].to_numpy()
    mother = lives.people["mother"].to_numpy()[child]
    born = mother >= 0
    assert (row[born] == mother[born]).mean() > 0.85
    assert (lives.people["sex"] == "F").to_numpy()[row].mean() > 0.8
    assert (start >= lives.birth[child]).all()
    assert (end - lives.birth[child] < 20 * YEAR + 31).all()
    assert (start % 7 == 4).mean() > 0.98  # a Monday, as 5 January 1970 was
    assert lives.is_here(child, start).mean() > 0.98


def test_visa_nationals_claim_only_after_settlement_protection_or_citizenship(
    view: InstitutionView, lives: Lives
) -> None:
    awards = child_benefit.child_awards(view)
    row, start = awards["row"].to_numpy(), awards["start"].to_numpy()
    needs = lives.visa_national[row]
    may = leave_applications.settled_from(view)[row]
    assert needs.any()
    assert (start[needs] >= may[needs]).all()


def test_families_opt_out_from_january_2013_if_they_earn(view: InstitutionView) -> None:
    claims = child_benefit.claims(view)
    assert claims["row"].is_unique().all()
    opted = claims["OPT_OUT_DATE"].drop_nulls()
    assert (opted >= date(2013, 1, 7)).all()
    assert 0.02 < len(opted) / len(claims) < 0.25


def test_tax_credits_lie_in_their_tax_year_and_end_with_universal_credit(view: InstitutionView) -> None:
    awards = tax_credits.tax_credits(view)
    year = pl.col("TAX_YEAR").str.head(4).cast(pl.Int32)
    inside = awards.select(
        (pl.col("AWARD_START") >= pl.date(year, 4, 6))
        & (pl.col("AWARD_END").fill_null(date(2020, 4, 5)) <= pl.date(year + 1, 4, 5))
    )
    assert inside.to_series().all()
    first = awards.group_by("row").agg(pl.col("AWARD_START").min())["AWARD_START"]
    assert (first < date(2018, 12, 12)).all()
    of_year = awards["TAX_YEAR"]
    assert int((of_year == "2019-20").sum()) < 0.85 * int((of_year == "2015-16").sum())


def test_tax_credits_count_the_children_for_whom_child_benefit_is_paid_in_the_year(view: InstitutionView) -> None:
    awards = tax_credits.tax_credits(view).select(
        "row", "TAX_YEAR", "AWARD_START", "CHILDREN", year=pl.col("TAX_YEAR").str.head(4).cast(pl.Int32)
    )
    paid = child_benefit.child_awards(view).select(
        "row", begin=pl.col("start").cast(pl.Int32).cast(pl.Date), end=pl.col("end").cast(pl.Int32).cast(pl.Date)
    )
    first, last = pl.date(pl.col("year"), 4, 6), pl.date(pl.col("year") + 1, 4, 5)
    counted = (
        awards.join(paid, on="row")
        .filter((pl.col("begin") <= last) & (pl.col("end") >= first))
        .group_by("row", "year", "CHILDREN", "AWARD_START")
        .agg(children=pl.len(), since=pl.max_horizontal(pl.col("begin").min(), first.first()))
    )
    assert len(counted) == len(awards) > 500
    assert (counted["children"] == counted["CHILDREN"]).all()
    assert (counted["since"] == counted["AWARD_START"]).all()


@pytest.mark.parametrize(
    "source", [benefit_spells, child_benefit, earnings, leave_applications, settlement_scheme, tax_credits]
)
def test_records_of_one_part_do_not_depend_on_the_others(view: InstitutionView, source: ModuleType) -> None:
    lives = view.lives
    part = live(seed=6, residents=RESIDENTS, parts=[earnings.LONDON_PART])
    alone, together = (source.deliver(InstitutionView(one, Errors())) for one in (part, lives))
    of_part = np.isin(lives.person, part.person)
    for one, other in zip(alone, together, strict=True):
        for file, frame in one.files.items():
            all_rows = other.files[file]
            mine = all_rows.filter(pl.Series(of_part[all_rows["row"].to_numpy()])).drop("row")
            assert frame.height > 0, file
            assert frame.drop("row").sort(mine.columns).equals(mine.sort(mine.columns)), file
