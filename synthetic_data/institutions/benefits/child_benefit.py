"""Child Benefit: claims with their children, who the claimant is, and who opts out of payments.

The claimant is the mother where she lives with the child and has a National Insurance number, else the other parent.
Families claim unless their immigration status forbids it. From 7 January 2013 families with a high income can opt
out of payments (Finance Act 2012, schedule 1).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.home_office.leave_applications import settled_from
from synthetic_data.institutions.revenue.earnings import (
    pay_for_weeks,
)
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.ordinals import ordinals
from synthetic_data.numbers.days import FIRST_DAY, LONG_AGO, NEVER, YEAR, calendar_year, dates, day, year_starts
from synthetic_data.numbers.draws import Days, Floats, draws, pick
from synthetic_data.numbers.runs import begins

TAKE_UP = 0.96
"""Share of families that claim Child Benefit (HM Revenue and Customs, Child Benefit take-up: 96% in 2012)."""
LAST_AGES, LAST_AGE_SHARES = (16, 18, 19), (0.12, 0.68, 0.20)
"""Ages after whose 31 August children leave approved education; assumptions."""
PAID_ABROAD = 56
"""Days for which Child Benefit continues after the family has left the country or the child has died."""
CHARGE_FROM, CHARGE_ABOVE = day(2013, 1, 7), 55_000
"""The High Income Child Benefit Charge, and the pay of the higher earner above which opting out is worthwhile: the
charge takes a tenth at 51,000 pounds and everything at 60,000."""
OPTS_OUT = 0.75
BACKDATED = 90
"""Days by which a claim can be backdated."""
OLDEST_CLAIM = day(1990, 1, 1)


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extracts of claims and of children."""
    return [
        DeliveredExtract("child_benefit_claims", "families", {"child_benefit_claims.parquet": claims(view)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC",), in_order=True),
        DeliveredExtract("child_benefit_children", "families", {"child_benefit_children.parquet": children(view)},
                "NINO_ENC", None, "CHILD_DOB", "CHILD_SEX", ("NINO_ENC", "CHILD_REF", "AWARD_START"),
                in_order=True),
    ]  # fmt: skip


def claims(view: InstitutionView) -> pl.DataFrame:
    """Return the claims made by the data date: one row per claimant, with the day of opting out."""
    lives = view.lives
    made = _claims(view).filter(pl.col("claimed") <= view.data_date)
    row, opted = made["row"].to_numpy(), made["opted_out"].to_numpy()
    return claimant_identity(view, row, made["claimed"].to_numpy()).with_columns(
        CHB_NUMBER=identifiers.labels(lives, "child benefit", row, "CHB", 9),
        CLAIM_DATE=dates("claimed", made["claimed"]),
        OPT_OUT_DATE=dates("opted", np.where(opted > view.data_date, NEVER, opted)),
        POSTCODE=recorded_identity.postcode(lives, view.errors, "families", row, _last_day(view, row)),
    )


def children(view: InstitutionView) -> pl.DataFrame:
    """Return the children of claims made by the data date: one row per child and period of payment."""
    lives = view.lives
    awards = view.once(child_awards).filter(pl.col("claimed") <= view.data_date)
    claimant, child, start, end = (awards[name].to_numpy() for name in ("row", "child", "start", "end"))
    known = recorded_identity.identity(lives, view.errors, "families", child, start)
    return pl.DataFrame(
        {
            "row": claimant,
            "NINO_ENC": identifiers.insurance_numbers(view, claimant),
            "CHB_NUMBER": identifiers.labels(lives, "child benefit", claimant, "CHB", 9),
            "CHILD_REF": identifiers.labels(lives, "child of a claim", child, "C", 9),
            "CHILD_FORENAME": known["given_name"],
            "CHILD_SURNAME": known["family_name"],
            "CHILD_DOB": recorded_identity.born_by(lives, child, known["birth"], start),
            "CHILD_SEX": known["sex"],
            "AWARD_START": dates("start", start),
            "AWARD_END": dates("end", np.where(end > view.data_date, NEVER, end)),
        }
    )


def claimant_identity(view: InstitutionView, row: NDArray[np.int64], since: Days) -> pl.DataFrame:
    """Return the first columns of an extract: who each claimant (row) is, as recorded on a day."""
    lives = view.lives
    person = recorded_identity.identity(lives, view.errors, "families", row, since)
    return pl.DataFrame(
        {
            "row": row,
            "NINO_ENC": identifiers.insurance_numbers(view, row),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": recorded_identity.born_by(lives, row, person["birth"], since),
            "SEX": person["sex"],
        }
    )


def _last_day(view: InstitutionView, row: NDArray[np.int64]) -> Days:
    return np.minimum(view.lives.last_end[row] - 1, view.data_date)


def parents(view: InstitutionView) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each person (row) the claimant of Child Benefit and the claimant's partner; -1 if there is none.

    Only the children of a household have a claimant; its heads have none.
    """
    people = view.lives.people
    home, place = people["household"].to_numpy(), people["place"].to_numpy()
    first = np.full(len(view.lives.households), -1)
    second = first.copy()
    first[home[place == 0]], second[home[place == 1]] = np.flatnonzero(place == 0), np.flatnonzero(place == 1)
    head, partner = first[home], second[home]
    woman = np.append(view.lives.female, False)
    mother = people["mother"].to_numpy()
    mother = np.where(mother >= 0, mother, np.where(woman[partner] & ~woman[head], partner, head))
    other = np.where(mother == head, partner, np.where(mother == partner, head, -1))
    insured = np.append(view.working.registration < NEVER, False)
    claimant = np.where(insured[mother], mother, np.where(insured[other], other, -1))
    other = np.where(claimant == mother, other, mother)
    child = (place >= 2) & (claimant >= 0)
    return np.where(child, claimant, -1), np.where(child, other, -1)


def child_awards(view: InstitutionView) -> pl.DataFrame:
    """Return what Child Benefit is paid for: `row` (claimant), `partner`, `child`, `start`, `end`, `claimed`.

    A child has one row for each stay in the country; `end` is the last day. All files follow these rows, which are
    in the order of the claimants' numbers, then of the children's.
    """
    lives, seed = view.lives, view.lives.seed
    claimant, partner = parents(view)
    stays = lives.stays.filter(pl.Series(claimant[lives.stays["row"].to_numpy()] >= 0))
    child = stays["row"].to_numpy()
    row = claimant[child]
    person = lives.person[child]
    last_age = np.array(LAST_AGES)[pick(draws(seed, "leaves education", person), LAST_AGE_SHARES)]
    until = _end_of_august(lives.birth[child], last_age)
    since = np.maximum(stays["start"].to_numpy(), view.working.registration[row])
    since = np.maximum(np.maximum(since, lives.birth[child]), settled_from(view)[row])
    # paid from the Monday after
    start = np.maximum(since + (4 - since) % 7, OLDEST_CLAIM)
    leaves = stays["end"].to_numpy() + np.where(stays["end"].to_numpy() < NEVER, PAID_ABROAD, 0)
    end = np.minimum(np.minimum(until, leaves), lives.death[row])
    late = (draws(seed, "claims late", person, start - LONG_AGO) ** 2 * BACKDATED).astype(np.int64)
    claimed = (draws(seed, "claims child benefit", lives.person[row]) < TAKE_UP) & (end - start > BACKDATED)
    claimed &= (end > FIRST_DAY) & (view.working.registration[row] <= start + late)
    awards = pl.DataFrame({
        "row": row, "partner": partner[child], "child": child, "start": start, "end": end - 1,
        "claimed": start + late,
    }).filter(pl.Series(claimed))  # fmt: skip
    row, child = awards["row"].to_numpy(), awards["child"].to_numpy()
    reference = identifiers.shuffled(seed, "child of a claim", lives.once(ordinals)[child])
    return awards.sort(pl.Series(identifiers.insurance_place(lives)[row]), pl.Series(reference), "start")


def _end_of_august(birth: Days, years: NDArray[np.int64]) -> Days:
    """Return the first 1 September on or after a birthday: the day after the August in which schooling ends."""
    birthday = (birth + years * YEAR).astype(np.int64)
    year = calendar_year(birthday)
    september = year_starts(year, 9, 1)
    return np.where(birthday <= september, september, year_starts(year + 1, 9, 1))


def _claims(view: InstitutionView) -> pl.DataFrame:
    """Return the claims: `row`, `claimed` (first day), `opted_out` (`NEVER` if payments are taken)."""
    lives, seed = view.lives, view.lives.seed
    made = claiming_families(view.once(child_awards))
    row, partner, claimed = (made[name].to_numpy() for name in ("row", "partner", "claimed"))
    year = np.maximum(calendar_year(np.maximum(claimed, CHARGE_FROM)), 2013)
    wait = (draws(seed, "opting out", lives.person[row]) ** 2 * 300).astype(np.int64)
    on = np.maximum(claimed, CHARGE_FROM) + wait
    opts = (on < made["end"].to_numpy()) & (draws(seed, "opts out", lives.person[row]) < OPTS_OUT)
    some = np.flatnonzero(opts)
    pay = np.maximum(_full_pay(view, row[some], year[some]), _full_pay(view, partner[some], year[some]))
    opts[some] = pay > CHARGE_ABOVE
    return made.select("row", "claimed", opted_out=pl.Series(np.where(opts, on, NEVER)))


def claiming_families(awards: pl.DataFrame) -> pl.DataFrame:
    """Return the claimants of awards sorted by claimant: `row, partner, start, end, claimed, children`."""
    row, partner, start, end, claimed = (
        awards[name].to_numpy() for name in ("row", "partner", "start", "end", "claimed")
    )
    first = np.flatnonzero(begins(row))
    return pl.DataFrame({
        "row": row[first], "partner": np.maximum.reduceat(partner, first), "start": np.minimum.reduceat(start, first),
        "end": np.maximum.reduceat(end, first), "claimed": np.minimum.reduceat(claimed, first),
        "children": np.diff(first, append=len(row)),
    })  # fmt: skip


def _full_pay(view: InstitutionView, row: NDArray[np.int64], year: NDArray[np.int64]) -> Floats:
    """Return the pay of people (rows, -1: no person) for a whole year of work; 0 outside the tax system."""
    works = np.append(view.working.active_from < NEVER, False)[row]
    return pay_for_weeks(view.lives, row, year, np.where(works, 52, 0))
