"""Families: Child Benefit claims with their children, and awards of tax credits.

The claimant is the mother where she lives with the child and has a National Insurance number, else the other parent.
Families claim unless their immigration status forbids it. From 7 January 2013 families with a high income can opt
out of payments (Finance Act 2012, schedule 1); tax credits give way to Universal Credit (`universal_credit`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.benefits.universal_credit import full_service, moves_over
from synthetic_data.institutions.home_office.leave import settled_from
from synthetic_data.institutions.revenue import insurance_numbers
from synthetic_data.institutions.revenue.earnings import industry, tax_year_labels, weekly_pay, weeks_in_tax
from synthetic_data.institutions.view import Extract, Sight
from synthetic_data.lives.ordinals import ordinals
from synthetic_data.numbers.days import FIRST_DAY, LONG_AGO, NEVER, YEAR, calendar_year, dates, day, year_starts
from synthetic_data.numbers.draws import Days, Floats, draws, pick
from synthetic_data.numbers.runs import begins, ranges

TAKE_UP = 0.96
"""Families that claim Child Benefit (HM Revenue and Customs, Child Benefit take-up: 96% in 2012)."""
LAST_AGES, LAST_AGE_SHARES = (16, 18, 19), (0.12, 0.68, 0.20)
"""Ages after whose 31 August children leave approved education; assumptions."""
PAID_ABROAD = 56
"""Days for which Child Benefit goes on after the family left the country, or the child died."""
CHARGE_FROM, CHARGE_ABOVE = day(2013, 1, 7), 55_000
"""The High Income Child Benefit Charge, and pay of the higher earner from which opting out is worth the while: the
charge takes a tenth at 51,000 pounds and everything at 60,000."""
OPTS_OUT = 0.75
BACKDATED = 90
"""Days by which a claim can be later than what it is for."""
OLDEST_CLAIM = day(1990, 1, 1)

FIRST_TAX_CREDIT_YEAR, LAST_TAX_CREDIT_YEAR = 2009, 2020
CREDIT_UP_TO, CREDIT_PER_CHILD = 20_000, 6_500
"""Household pay in pounds up to which tax credits are paid, and what each child adds; rounded after the tapers of
2012/13 to 2018/19. Before, families with 40,000 pounds were paid, too."""
WORKING_WEEKS = 26
CREDIT_TAKE_UP = 0.88
"""HM Revenue and Customs, Tax credits: take-up rates 2016-17, by expenditure rather more than by caseload."""


def delivered(sight: Sight) -> list[Extract]:
    """Return the extracts of Child Benefit and tax credits."""
    return [
        Extract("child_benefit_claims", "families", {"child_benefit_claims.parquet": claims(sight)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC",), in_order=True),
        Extract("child_benefit_children", "families", {"child_benefit_children.parquet": children(sight)},
                "NINO_ENC", None, "CHILD_DOB", "CHILD_SEX", ("NINO_ENC", "CHILD_REF", "AWARD_START"),
                in_order=True),
        Extract("tax_credit_awards", "families", {"tax_credit_awards.parquet": tax_credits(sight)},
                "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC", "AWARD_START"), in_order=True),
    ]  # fmt: skip


def claims(sight: Sight) -> pl.DataFrame:
    """Return the claims made by the data date: one row a claimant, with the day of opting out."""
    lives = sight.lives
    made = _claims(sight).filter(pl.col("claimed") <= sight.data_date)
    row, opted = made["row"].to_numpy(), made["opted_out"].to_numpy()
    return _claimant(sight, row, made["claimed"].to_numpy()).with_columns(
        CHB_NUMBER=identifiers.labels(lives, "child benefit", row, "CHB", 9),
        CLAIM_DATE=dates("claimed", made["claimed"]),
        OPT_OUT_DATE=dates("opted", np.where(opted > sight.data_date, NEVER, opted)),
        POSTCODE=recorded_identity.postcode(lives, sight.errors, "families", row, _last_day(sight, row)),
    )


def children(sight: Sight) -> pl.DataFrame:
    """Return the children for whom claims were made by the data date: one row a child and time it was paid for."""
    lives = sight.lives
    awards = sight.once(child_awards).filter(pl.col("claimed") <= sight.data_date)
    claimant, child, start, end = (awards[name].to_numpy() for name in ("row", "child", "start", "end"))
    known = recorded_identity.identity(lives, sight.errors, "families", child, start)
    return pl.DataFrame(
        {
            "row": claimant,
            "NINO_ENC": identifiers.insurance_numbers(sight, claimant),
            "CHB_NUMBER": identifiers.labels(lives, "child benefit", claimant, "CHB", 9),
            "CHILD_REF": identifiers.labels(lives, "child of a claim", child, "C", 9),
            "CHILD_FORENAME": known["given_name"],
            "CHILD_SURNAME": known["family_name"],
            "CHILD_DOB": recorded_identity.born_by(lives, child, known["birth"], start),
            "CHILD_SEX": known["sex"],
            "AWARD_START": dates("start", start),
            "AWARD_END": dates("end", np.where(end > sight.data_date, NEVER, end)),
        }
    )


def tax_credits(sight: Sight) -> pl.DataFrame:
    """Return the awards of tax credits that had begun by the data date: one row a family and tax year."""
    lives = sight.lives
    awards = _credits(sight)
    row, start, end = (awards[name].to_numpy() for name in ("row", "start", "end"))
    partner = awards["partner"].to_numpy()
    known = (partner >= 0) & (sight.working.registration[np.maximum(partner, 0)] <= start)
    partners = pl.select(
        pl.when(pl.Series(known)).then(identifiers.insurance_numbers(sight, np.maximum(partner, 0)))
    ).to_series()
    return _claimant(sight, row, start).with_columns(
        POSTCODE=recorded_identity.postcode(lives, sight.errors, "families", row, start),
        PARTNER_NINO_ENC=partners,
        TAX_YEAR=tax_year_labels(awards["year"].to_numpy()),
        AWARD_TYPE=awards["kind"],
        CHILDREN=awards["children"],
        AWARD_START=dates("start", start),
        AWARD_END=dates("end", np.where(end > sight.data_date, NEVER, end)),
    )


def _claimant(sight: Sight, row: NDArray[np.int64], since: Days) -> pl.DataFrame:
    lives = sight.lives
    person = recorded_identity.identity(lives, sight.errors, "families", row, since)
    return pl.DataFrame(
        {
            "row": row,
            "NINO_ENC": identifiers.insurance_numbers(sight, row),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": recorded_identity.born_by(lives, row, person["birth"], since),
            "SEX": person["sex"],
        }
    )


def _last_day(sight: Sight, row: NDArray[np.int64]) -> Days:
    return np.minimum(sight.lives.last_end[row] - 1, sight.data_date)


def parents(sight: Sight) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each person (row) the claimant of Child Benefit, and that one's partner; -1 without one.

    Only children of a household have one: whoever came, or lives here from the beginning, as its head has none.
    """
    people = sight.lives.people
    home, place = people["household"].to_numpy(), people["place"].to_numpy()
    first = np.full(len(sight.lives.households), -1)
    second = first.copy()
    first[home[place == 0]], second[home[place == 1]] = np.flatnonzero(place == 0), np.flatnonzero(place == 1)
    head, partner = first[home], second[home]
    woman = np.append(sight.lives.female, False)
    mother = people["mother"].to_numpy()
    mother = np.where(mother >= 0, mother, np.where(woman[partner] & ~woman[head], partner, head))
    other = np.where(mother == head, partner, np.where(mother == partner, head, -1))
    insured = np.append(sight.working.registration < NEVER, False)
    claimant = np.where(insured[mother], mother, np.where(insured[other], other, -1))
    other = np.where(claimant == mother, other, mother)
    child = (place >= 2) & (claimant >= 0)
    return np.where(child, claimant, -1), np.where(child, other, -1)


def child_awards(sight: Sight) -> pl.DataFrame:
    """Return what Child Benefit is paid for: `row` (claimant), `partner`, `child`, `start`, `end`, `claimed`.

    A child has one row for each stay in the country; `end` is the last day. All files follow these rows, which stand
    in the order of the claimants' numbers and of the children's.
    """
    lives, seed = sight.lives, sight.lives.seed
    claimant, partner = parents(sight)
    stays = lives.stays.filter(pl.Series(claimant[lives.stays["row"].to_numpy()] >= 0))
    child = stays["row"].to_numpy()
    row = claimant[child]
    person = lives.person[child]
    last_age = np.array(LAST_AGES)[pick(draws(seed, "leaves education", person), LAST_AGE_SHARES)]
    until = _end_of_august(lives.birth[child], last_age)
    since = np.maximum(stays["start"].to_numpy(), sight.working.registration[row])
    since = np.maximum(np.maximum(since, lives.birth[child]), settled_from(sight)[row])
    # paid from the Monday after
    start = np.maximum(since + (4 - since) % 7, OLDEST_CLAIM)
    leaves = stays["end"].to_numpy() + np.where(stays["end"].to_numpy() < NEVER, PAID_ABROAD, 0)
    end = np.minimum(np.minimum(until, leaves), lives.death[row])
    late = (draws(seed, "claims late", person, start - LONG_AGO) ** 2 * BACKDATED).astype(np.int64)
    claimed = (draws(seed, "claims child benefit", lives.person[row]) < TAKE_UP) & (end - start > BACKDATED)
    claimed &= (end > FIRST_DAY) & (sight.working.registration[row] <= start + late)
    awards = pl.DataFrame({
        "row": row, "partner": partner[child], "child": child, "start": start, "end": end - 1,
        "claimed": start + late,
    }).filter(pl.Series(claimed))  # fmt: skip
    row, child = awards["row"].to_numpy(), awards["child"].to_numpy()
    reference = identifiers.shuffled(seed, "child of a claim", lives.once(ordinals)[child])
    return awards.sort(pl.Series(identifiers.insurance_place(lives)[row]), pl.Series(reference), "start")


def _end_of_august(birth: Days, years: NDArray[np.int64]) -> Days:
    """Return the 1 September on or after a birthday: the day after the end of August in which schooling ends."""
    birthday = (birth + years * YEAR).astype(np.int64)
    year = calendar_year(birthday)
    september = year_starts(year, 9, 1)
    return np.where(birthday <= september, september, year_starts(year + 1, 9, 1))


def _claims(sight: Sight) -> pl.DataFrame:
    """Return the claims: `row`, `claimed` (first day), `opted_out` (`NEVER` if payments are taken)."""
    lives, seed = sight.lives, sight.lives.seed
    made = _families(sight.once(child_awards))
    row, partner, claimed = (made[name].to_numpy() for name in ("row", "partner", "claimed"))
    year = np.maximum(calendar_year(np.maximum(claimed, CHARGE_FROM)), 2013)
    wait = (draws(seed, "opting out", lives.person[row]) ** 2 * 300).astype(np.int64)
    on = np.maximum(claimed, CHARGE_FROM) + wait
    opts = (on < made["end"].to_numpy()) & (draws(seed, "opts out", lives.person[row]) < OPTS_OUT)
    some = np.flatnonzero(opts)
    pay = np.maximum(_full_pay(sight, row[some], year[some]), _full_pay(sight, partner[some], year[some]))
    opts[some] = pay > CHARGE_ABOVE
    return made.select("row", "claimed", opted_out=pl.Series(np.where(opts, on, NEVER)))


def _families(awards: pl.DataFrame) -> pl.DataFrame:
    """Return the claimants of awards that stand in order of them: `row, partner, start, end, claimed, children`."""
    row, partner, start, end, claimed = (
        awards[name].to_numpy() for name in ("row", "partner", "start", "end", "claimed")
    )
    first = np.flatnonzero(begins(row))
    return pl.DataFrame({
        "row": row[first], "partner": np.maximum.reduceat(partner, first), "start": np.minimum.reduceat(start, first),
        "end": np.maximum.reduceat(end, first), "claimed": np.minimum.reduceat(claimed, first),
        "children": np.diff(first, append=len(row)),
    })  # fmt: skip


def _full_pay(sight: Sight, row: NDArray[np.int64], year: NDArray[np.int64]) -> Floats:
    """Return the pay of people (rows, -1 for nobody) for a whole year of work; nothing for people outside tax."""
    works = np.append(sight.working.active_from < NEVER, False)[row]
    return _pay(sight, row, year, np.where(works, 52, 0))


def _pay(sight: Sight, row: NDArray[np.int64], year: NDArray[np.int64], weeks: NDArray[np.int64]) -> Floats:
    """Return the pay of people (rows) for so many weeks of a tax year."""
    works = np.flatnonzero(weeks > 0)
    some, of = row[works], year[works]
    pay = np.zeros(len(row))
    pay[works] = weeks[works] * weekly_pay(sight.lives, some, of, industry(sight.lives, some, of))
    return pay


def _credits(sight: Sight) -> pl.DataFrame:
    """Return awards of tax credits that had begun by the data date, in order of claimant and year.

    Columns: `row, partner, year, kind, children, start, end` (last day).
    """
    lives, seed = sight.lives, sight.lives.seed
    awards = sight.once(child_awards)
    families = _families(awards)
    claimant, first = families["row"].to_numpy(), families["start"].to_numpy()
    admitted = draws(seed, "claims tax credits", lives.person[claimant]) < CREDIT_TAKE_UP
    # nobody new is let in once the full service is there
    opens = full_service(lives.authority_at(claimant, first))
    admitted &= first < opens
    moves = np.full(len(lives.people), NEVER)
    moves[claimant] = np.where(admitted, moves_over(lives, claimant, opens), LONG_AGO)
    paid = _paid_by_year(awards)
    paid = paid.with_columns(end=pl.min_horizontal("end", pl.Series(moves[paid["row"].to_numpy()] - 1)))
    paid = paid.filter((pl.col("end") > pl.col("start")) & (pl.col("start") <= sight.data_date))
    row, partner, year, children = (paid[name].to_numpy() for name in ("row", "partner", "year", "children"))
    own, weeks = _year_pay(sight, row, year)
    other, other_weeks = _year_pay(sight, partner, year)
    limit = CREDIT_UP_TO + CREDIT_PER_CHILD * children
    limit = np.where(year < 2012, np.maximum(limit, 40_000), limit)
    working = np.maximum(weeks, other_weeks) >= WORKING_WEEKS
    kind = pl.Series(["CTC", "WTC+CTC"])[(working & (own + other < limit - 12_000)).astype(np.int64)]
    return paid.with_columns(kind=kind).filter(pl.Series(own + other <= limit))


def _paid_by_year(awards: pl.DataFrame) -> pl.DataFrame:
    """Return one row a family and tax year: `row, partner, start, end` (within it), `children` (number), `year`."""
    row, partner, start, end = (awards[name].to_numpy() for name in ("row", "partner", "start", "end"))
    years = range(FIRST_TAX_CREDIT_YEAR, LAST_TAX_CREDIT_YEAR + 1)
    award, year = ranges(np.maximum(_tax_year(start), years.start), np.minimum(_tax_year(end), years.stop - 1))
    # a place for each family and year, in order
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


def _year_pay(sight: Sight, row: NDArray[np.int64], year: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the pay of people (rows, -1 for nobody) in tax years, and their weeks in tax."""
    weeks = sight.once(weeks_in_tax)[year - insurance_numbers.FIRST_TAX_YEAR, row].astype(np.int64)
    return _pay(sight, row, year, weeks), weeks
