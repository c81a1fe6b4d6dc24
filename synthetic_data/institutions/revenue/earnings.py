"""Tax years: what employers and the self-employed report to HM Revenue and Customs, by tax year.

One row per person and tax year with weeks in tax, as the activity extract counts them. Employers filed a return (form
P14) at the end of the year until 2012/13, and report in real time (RTI) from 2013/14. Pay is log-normal about a
median by age, sex, industry and place (rounded from ONS, Annual Survey of Hours and Earnings, 2018). Industries are
sections of SIC 2007, drawn by nationality group and sex (`tables/industries.csv`, rounded from ONS, International
immigration and the labour market, UK, 2016, and Annual Population Survey, 2016).
"""

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from synthetic_data.country.geography import LONDON_PART
from synthetic_data.country.tables import table
from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.revenue import activity_weeks
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import age, year_starts
from synthetic_data.numbers.draws import Floats, draws
from synthetic_data.numbers.equal_rows import distinct
from synthetic_data.numbers.labels import Labels

FIRST_DAY_OF_ALL = int(year_starts(activity_weeks.FIRST_TAX_YEAR, 4, 6))
REAL_TIME_FROM = 2013

MEDIAN_WEEKLY_PAY = ((16, 110.0), (18, 220.0), (22, 420.0), (30, 525.0), (40, 535.0), (50, 490.0), (60, 385.0))
"""Pounds a week in 2018 from each age, for men and women, full and part time."""
PAY_OF_SEX = {"M": 1.17, "F": 0.80}
LONDON_PAY = 1.25
"""Ratio of pay in London to pay elsewhere."""
GROWTH = 0.02
PAY_YEAR = 2018
PERSON_SIGMA, YEAR_SIGMA = 0.45, 0.20
"""Spread of the logarithm of pay between people who are alike, and of one person from year to year; assumptions."""
JOB_YEARS = 4
"""Years for which a person stays in an industry before drawing another; an assumption."""
FIRST_PERIOD = activity_weeks.FIRST_TAX_YEAR // JOB_YEARS
SECOND_JOB, SHORT_TENURE = 0.04, 0.11
"""Shares of people with two jobs at once, and with another employer within the year; assumptions."""
BANDS = (5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 70_000, 100_000, 150_000)
"""Lower limits in pounds of the bands of yearly pay, from the second band."""
BAND_STEP = 5_000
"""All limits are multiples of this."""
TABLE_GROUPS = {"other_EU": "EU14", "other_EEA": "EU14"}
"""Nationality groups too small for shares of their own, and the group whose shares they use."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of tax years."""
    return [
        DeliveredExtract("tax_years", "earnings", {"tax_years.parquet": tax_years(view)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC", "TAX_YEAR"), in_order=True)
    ]  # fmt: skip


def weeks_in_tax(view: InstitutionView) -> NDArray[np.int8]:
    """Return the weeks in tax by tax year (rows, from `activity_weeks.FIRST_TAX_YEAR`) and person (columns).

    A last column without weeks is for index -1: no person.
    """
    weeks = view.once(activity_weeks.all_weeks)
    found = np.zeros(
        (len(activity_weeks.tax_years(activity_weeks.LAST_OF_ALL)), len(view.lives.people) + 1), dtype=np.int8
    )
    found[weeks["year"].to_numpy() - activity_weeks.FIRST_TAX_YEAR, weeks["row"].to_numpy()] = weeks[
        "WEEKS_TAX"
    ].to_numpy()
    return found


def tax_years(view: InstitutionView) -> pl.DataFrame:
    """Return one row per person and tax year with weeks in tax, for the tax years delivered by the data date."""
    lives, errors, seed = view.lives, view.errors, view.lives.seed
    weeks = view.once(activity_weeks.all_weeks)
    year, worked = weeks["year"].to_numpy(), weeks["WEEKS_TAX"].to_numpy()
    delivered = np.flatnonzero((worked > 0) & (year < activity_weeks.tax_years(view.data_date).stop))
    row, year, worked = (
        weeks["row"].to_numpy()[delivered],
        year[delivered].astype(np.int64),
        worked[delivered].astype(np.int64),
    )
    last = year_starts(year + 1, 4, 5)
    person = recorded_identity.identity(lives, errors, "earnings", row, last)
    entities = lives.person[row]
    self_employed = view.working.self_employed[row]
    section = industry(lives, row, year)
    pay = weekly_pay(lives, row, year, section) * worked
    another = draws(seed, "another job", entities, year)
    jobs = 1 + (another < SECOND_JOB) + (another < SECOND_JOB + SHORT_TENURE)
    return pl.DataFrame(
        {
            "row": row,
            "NINO_ENC": identifiers.insurance_numbers(view, row),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": recorded_identity.born_by(lives, row, person["birth"], last),
            "SEX": person["sex"],
            "POSTCODE": recorded_identity.postcode(lives, errors, "earnings", row, last),
            "TAX_YEAR": tax_year_labels(year),
            "RETURN_TYPE": _return_type(self_employed, year),
            "WEEKS_IN_YEAR": worked,
            "EMPLOYMENTS": np.where(self_employed, 0, jobs),
            "SIC_SECTION": _sections()["section"][section],
            "PAY_BAND": _bands()[np.minimum(pay, BANDS[-1]).astype(np.int64) // BAND_STEP],
        }
    )


def tax_year_labels(years: NDArray[np.int64]) -> pl.Series:
    """Return tax years as HM Revenue and Customs writes them: `2015-16` begins in April 2015."""
    known, index = distinct(years)
    return pl.Series([f"{one}-{(one + 1) % 100:02}" for one in known.tolist()], dtype=pl.String)[index]


def _return_type(self_employed: NDArray[np.bool_], year: NDArray[np.int64]) -> pl.Series:
    return pl.Series(["P14", "RTI", "SA"])[np.where(self_employed, np.int8(2), year >= REAL_TIME_FROM)]


@cache
def _bands() -> pl.Series:
    """Return the band of pay into which each multiple of `BAND_STEP` falls."""
    limits = np.arange(0, BANDS[-1] + 1, BAND_STEP)
    return pl.Series([f"{1 + one:02}" for one in np.searchsorted(BANDS, limits, side="right").tolist()])


@cache
def _sections() -> pl.DataFrame:
    return table("industries")


def industry(lives: Lives, rows: NDArray[np.int64], years: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of the table of industries in which each person (row) works in a tax year."""
    known, person = distinct(rows)
    # people change their work in different years
    change = (draws(lives.seed, "year of change", lives.person[known]) * JOB_YEARS).astype(np.int64)
    period = (years + change[person]) // JOB_YEARS - FIRST_PERIOD
    # years of one period have one draw
    periods = period.max(initial=0) + 1
    jobs, job = distinct(person * periods + period)
    person, period = np.divmod(jobs, periods)
    uniform = draws(lives.seed, "industry", lives.person[known][person], period + FIRST_PERIOD)
    groups, cumulated = _cumulated_shares()
    group = Labels.of(lives.people["fine_group"][known], groups).values(groups).astype(np.int64)
    kind = (2 * group + lives.female[known])[person]
    found = np.zeros(len(jobs), dtype=np.int64)
    for one, shares in enumerate(cumulated.T):
        those = np.flatnonzero(kind == one)
        found[those] = np.searchsorted(shares[:-1], uniform[those], side="right")
    return found[job]


@cache
def _cumulated_shares() -> tuple[dict[str, int], NDArray[np.float64]]:
    """Return the index of each nationality group, and cumulative shares: a row per section, two columns per group.

    The columns of a group are for its men and its women.
    """
    sections = _sections()
    women = sections["women"].to_numpy()
    groups = [name for name in sections.columns if name not in ("section", "name", "women", "pay")]
    place = {name: number for number, name in enumerate(groups)}
    place |= {name: place[other] for name, other in TABLE_GROUPS.items()}
    shares = np.column_stack([sections[name].to_numpy() * of_sex for name in groups for of_sex in (1 - women, women)])
    return place, np.cumsum(shares, axis=0) / shares.sum(axis=0)


def weekly_pay(
    lives: Lives, rows: NDArray[np.int64], years: NDArray[np.int64], sections: NDArray[np.int64]
) -> Floats:
    """Return the pay of each person (row) for a week of work in a tax year, in pounds of that year.

    `sections` are the industries in which they work in that year (see `industry`).
    """
    known, person = distinct(rows)
    of_sex = np.where(lives.female[known], PAY_OF_SEX["F"], PAY_OF_SEX["M"])
    of_place = np.where(lives.part[known] == LONDON_PART, LONDON_PAY, 1.0)
    spread = PERSON_SIGMA * _normal(draws(lives.seed, "pay", lives.person[known]))
    spread = spread[person] + YEAR_SIGMA * _normal(draws(lives.seed, "pay of the year", lives.person[rows], years))
    grown = (1 + GROWTH) ** (np.arange(years.max(initial=PAY_YEAR) + 1) - PAY_YEAR)
    median = _median_by_age(age(lives.birth[rows], year_starts(years, 4, 6))) * grown[years]
    return median * (of_sex * of_place)[person] * _sections()["pay"].to_numpy()[sections] * np.exp(spread)


def pay_for_weeks(lives: Lives, row: NDArray[np.int64], year: NDArray[np.int64], weeks: NDArray[np.int64]) -> Floats:
    """Return the pay of people (rows) for the given weeks of work in a tax year; 0 for no weeks."""
    works = np.flatnonzero(weeks > 0)
    some, of = row[works], year[works]
    pay = np.zeros(len(row))
    pay[works] = weeks[works] * weekly_pay(lives, some, of, industry(lives, some, of))
    return pay


def _median_by_age(ages: Floats) -> Floats:
    steps, medians = (np.array(one) for one in zip(*MEDIAN_WEEKLY_PAY, strict=True))
    # looked up by whole year of age, because a search for every row is slow
    step = np.searchsorted(steps, np.arange(steps[-1] + 1), side="right") - 1
    return medians[np.maximum(step, 0)][np.clip(ages, 0, steps[-1]).astype(np.int64)]


def _normal(uniform: Floats) -> Floats:
    return ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
