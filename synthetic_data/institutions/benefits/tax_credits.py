"""Tax credits: a family's award in each tax year, until Universal Credit replaces them (`universal_credit`)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.benefits.child_benefit import child_awards, claimant_identity, claiming_families
from synthetic_data.institutions.benefits.universal_credit import full_service, transfer_day
from synthetic_data.institutions.revenue import activity_weeks
from synthetic_data.institutions.revenue.earnings import (
    pay_for_weeks,
    tax_year_labels,
    weeks_in_tax,
)
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.numbers.days import LONG_AGO, NEVER, calendar_year, dates, year_starts
from synthetic_data.numbers.draws import Days, Floats, draws
from synthetic_data.numbers.runs import begins, ranges

FIRST_TAX_CREDIT_YEAR, LAST_TAX_CREDIT_YEAR = 2009, 2020
CREDIT_UP_TO, CREDIT_PER_CHILD = 20_000, 6_500
"""Household pay in pounds up to which tax credits are paid, and what each child adds; rounded from the tapers of
2012/13 to 2018/19. Before that, families with up to 40,000 pounds were paid too."""
WORKING_WEEKS = 26
CREDIT_TAKE_UP = 0.88
"""HM Revenue and Customs, Tax credits: take-up rates 2016-17, by expenditure rather more than by caseload."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of tax credit awards."""
    return [
        DeliveredExtract("tax_credit_awards", "families", {"tax_credit_awards.parquet": tax_credits(view)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC", "AWARD_START"), in_order=True),
    ]  # fmt: skip


def tax_credits(view: InstitutionView) -> pl.DataFrame:
    """Return the awards of tax credits that had begun by the data date: one row per family and tax year."""
    lives = view.lives
    awards = _credits(view)
    row, start, end = (awards[name].to_numpy() for name in ("row", "start", "end"))
    partner = awards["partner"].to_numpy()
    known = (partner >= 0) & (view.working.registration[np.maximum(partner, 0)] <= start)
    partners = pl.select(
        pl.when(pl.Series(known)).then(identifiers.insurance_numbers(view, np.maximum(partner, 0)))
    ).to_series()
    return claimant_identity(view, row, start).with_columns(
        POSTCODE=recorded_identity.postcode(lives, view.errors, "families", row, start),
        PARTNER_NINO_ENC=partners,
        TAX_YEAR=tax_year_labels(awards["year"].to_numpy()),
        AWARD_TYPE=awards["kind"],
        CHILDREN=awards["children"],
        AWARD_START=dates("start", start),
        AWARD_END=dates("end", np.where(end > view.data_date, NEVER, end)),
    )


def _credits(view: InstitutionView) -> pl.DataFrame:
    """Return awards of tax credits that had begun by the data date, in order of claimant and year.

    Columns: `row, partner, year, kind, children, start, end` (last day).
    """
    lives, seed = view.lives, view.lives.seed
    awards = view.once(child_awards)
    families = claiming_families(awards)
    claimant, first = families["row"].to_numpy(), families["start"].to_numpy()
    admitted = draws(seed, "claims tax credits", lives.person[claimant]) < CREDIT_TAKE_UP
    # no new claims are accepted after the full service has opened
    opens = full_service(lives.authority_at(claimant, first))
    admitted &= first < opens
    moves = np.full(len(lives.people), NEVER)
    moves[claimant] = np.where(admitted, transfer_day(lives, claimant, opens), LONG_AGO)
    paid = _paid_by_year(awards)
    paid = paid.with_columns(end=pl.min_horizontal("end", pl.Series(moves[paid["row"].to_numpy()] - 1)))
    paid = paid.filter((pl.col("end") > pl.col("start")) & (pl.col("start") <= view.data_date))
    row, partner, year, children = (paid[name].to_numpy() for name in ("row", "partner", "year", "children"))
    own, weeks = _year_pay(view, row, year)
    other, other_weeks = _year_pay(view, partner, year)
    limit = CREDIT_UP_TO + CREDIT_PER_CHILD * children
    limit = np.where(year < 2012, np.maximum(limit, 40_000), limit)
    working = np.maximum(weeks, other_weeks) >= WORKING_WEEKS
    kind = pl.Series(["CTC", "WTC+CTC"])[(working & (own + other < limit - 12_000)).astype(np.int64)]
    return paid.with_columns(kind=kind).filter(pl.Series(own + other <= limit))


def _paid_by_year(awards: pl.DataFrame) -> pl.DataFrame:
    """Return one row per family and tax year: `row, partner, start, end` (within it), `children` (number), `year`."""
    row, partner, start, end = (awards[name].to_numpy() for name in ("row", "partner", "start", "end"))
    years = range(FIRST_TAX_CREDIT_YEAR, LAST_TAX_CREDIT_YEAR + 1)
    award, year = ranges(np.maximum(_tax_year(start), years.start), np.minimum(_tax_year(end), years.stop - 1))
    # an index for each family and year, in order
    begin = begins(row)
    place = (np.cumsum(begin) - 1)[award] * len(years) + year - years.start
    children = np.bincount(place, minlength=np.count_nonzero(begin) * len(years))
    others, firsts, lasts = (
        np.full(len(children), -1),
        np.full(len(children), NEVER),
        np.full(len(children), LONG_AGO),
    )
    np.maximum.at(others, place, partner[award])
    np.minimum.at(firsts, place, start[award])
    np.maximum.at(lasts, place, end[award])
    paid = np.flatnonzero(children)
    family, year = np.divmod(paid, len(years))
    year += years.start
    return pl.DataFrame({
        "row": row[begin][family], "partner": others[paid], "children": children[paid], "year": year,
        "start": np.maximum(firsts[paid], year_starts(year, 4, 6)),
        "end": np.minimum(lasts[paid], year_starts(year + 1, 4, 5)),
    })  # fmt: skip


def _tax_year(days: Days) -> NDArray[np.int64]:
    """Return the year in which the tax year of each day begins, on 6 April."""
    year = calendar_year(days)
    return year - (days < year_starts(year, 4, 6))


def _year_pay(
    view: InstitutionView, row: NDArray[np.int64], year: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the pay of people (rows, -1: no person) in tax years, and their weeks in tax."""
    weeks = view.once(weeks_in_tax)[year - activity_weeks.FIRST_TAX_YEAR, row].astype(np.int64)
    return pay_for_weeks(view.lives, row, year, weeks), weeks
