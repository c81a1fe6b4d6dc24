"""The EU Settlement Scheme: applications of EU, EEA and Swiss nationals, from August 2018.

Five years of residence give settled status, less gives pre-settled status (Immigration Rules, Appendix EU, 2019).
Applications received by month are rounded from Home Office, EU Settlement Scheme statistics, December 2019 and
December 2020, as shares of 4.3 million: the people of these nationalities in a United Kingdom like this country.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import LAST_DAY, NEVER, YEAR, age, dates, day
from synthetic_data.numbers.draws import Days, draws, log_normal
from synthetic_data.numbers.runs import begins

GROUPS = ("EU14", "EU8", "EU2", "other_EU", "other_EEA")
"""Irish nationals do not need to apply."""
RECEIVED = (
    (day(2018, 8, 28), 0.0), (day(2018, 11, 1), 0.005), (day(2019, 1, 21), 0.02), (day(2019, 3, 30), 0.09),
    (day(2019, 5, 1), 0.17), (day(2019, 7, 1), 0.21), (day(2019, 8, 1), 0.25), (day(2019, 9, 1), 0.35),
    (day(2019, 10, 1), 0.44), (day(2019, 11, 1), 0.57), (day(2019, 12, 1), 0.61), (day(2020, 1, 1), 0.645),
    (day(2020, 4, 1), 0.81), (day(2020, 7, 1), 0.86), (day(2020, 10, 1), 0.94), (day(2021, 1, 1), 1.0),
)  # fmt: skip
"""Private pilots of August and November 2018, the public one of 21 January 2019, the scheme of 30 March 2019."""
APPLIES = 0.96
"""Share of people living here who apply by the end of 2020; an assumption."""
AFTER_ARRIVAL = (30, 200)
"""Range of days after arrival on which newcomers apply at the earliest; an assumption."""
STAYS = 60
"""Days that a person must go on living here for an application to be worthwhile."""
CONTINUOUS_GAP = 183
"""Absences of more days than this break the continuity of residence."""
SETTLED_AFTER = int(5 * YEAR)
CHILD_UNTIL = 21
ACCEPTS_LESS = 0.03
"""Share of people with five years' residence who take pre-settled status because they lack proof; an assumption."""
FAILS = {"WITHDRAWN": 0.006, "INVALID": 0.006, "REFUSED": 0.001}
"""Shares of applications with other outcomes; most of these people apply again (Home Office, 2020)."""
APPLIES_AGAIN = 0.7
DECISION_DAYS, DECISION_SIGMA = 6, 1.1
"""Median days until the decision, and the spread of their logarithm: most within five working days."""
GIVES_NUMBER = 0.9
"""Share of applicants with a National Insurance number who give it."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of applications."""
    return [
        DeliveredExtract("eu_settlement", "settlement_scheme", {"eu_settlement.parquet": applications(view)},
                "HO_PERSON_ID", "POSTCODE", "BIRTH_DATE", "SEX", ("UAN",))
    ]  # fmt: skip


def applications(view: InstitutionView) -> pl.DataFrame:
    """Return the applications received by the data date; those not decided by then are pending."""
    lives, errors = view.lives, view.errors
    known = _received(lives).filter(pl.col("received") <= view.data_date)
    row, received = known["row"].to_numpy(), known["received"].to_numpy()
    person = recorded_identity.identity(lives, errors, "settlement_scheme", row, received)
    number = pl.DataFrame({"place": known["number"], "label": identifiers.labels(lives, "application", row, "", 12)})
    gives = draws(lives.seed, "gives a number", lives.person[row]) < GIVES_NUMBER
    gives &= view.working.registration[row] <= received
    pending = known["decided"].to_numpy() > view.data_date
    return pl.DataFrame(
        {
            "row": row,
            "UAN": number.select(pl.lit("343") + pl.col("place").cast(pl.String) + pl.col("label")).to_series(),
            "HO_PERSON_ID": identifiers.labels(lives, "home office person", row, "P", 10),
            "NINO_ENC": pl.select(
                pl.when(pl.Series(gives)).then(identifiers.insurance_numbers(view, row))
            ).to_series(),
            "GIVEN_NAMES": person["given_name"],
            "FAMILY_NAME": person["family_name"],
            "BIRTH_DATE": recorded_identity.born_by(lives, row, person["birth"], received),
            "SEX": person["sex"],
            "NATIONALITY": recorded_identity.code(lives.people["nationality"][row], "border_code"),
            "POSTCODE": recorded_identity.postcode(lives, errors, "settlement_scheme", row, received),
            "APPLICATION_DATE": dates("received", received),
            "OUTCOME_DATE": dates("decided", np.where(pending, NEVER, known["decided"].to_numpy())),
            "OUTCOME": pl.select(
                pl.when(pl.Series(pending)).then(pl.lit("PENDING")).otherwise(known["outcome"])
            ).to_series(),
        }
    )


def _received(lives: Lives) -> pl.DataFrame:
    """Return all applications: `row`, `number` (2 for a second application), `received`, `decided`, `outcome`."""
    seed = lives.seed
    row = np.flatnonzero(lives.people["fine_group"].is_in(GROUPS).to_numpy())
    person = lives.person[row]
    received = _day_of_application(lives, row)
    applies = (draws(seed, "applies for status", person) < APPLIES) & (received <= LAST_DAY)
    applies &= lives.is_here(row, received) & lives.is_here(row, received + STAYS)
    applies &= (received < lives.naturalised[row]) & (lives.birth[row] <= received)
    row, person, received = row[applies], person[applies], received[applies]
    decided = received + 1 + _days_to_decide(seed, person, 1)
    fate = draws(seed, "fate of application", person)
    bounds = np.cumsum(list(FAILS.values()))
    fails = fate < bounds[-1]
    ends = np.array([*FAILS, ""], dtype=object)[np.searchsorted(bounds, fate, side="right")]
    first = np.where(fails, ends, _status(lives, row, received))
    again = np.flatnonzero(fails & (draws(seed, "applies again", person) < APPLIES_AGAIN))
    second = decided[again] + 5 + (draws(seed, "next application", person[again]) * 60).astype(np.int64)
    again, second = again[here := lives.is_here(row[again], second)], second[here]
    return pl.concat([
        _applications(row, 1, received, decided, first),
        _applications(row[again], 2, second, second + 1 + _days_to_decide(seed, person[again], 2),
                      _status(lives, row[again], second)),
    ])  # fmt: skip


def _applications(
    row: NDArray[np.int64], number: int, received: Days, decided: Days, outcome: NDArray[np.object_]
) -> pl.DataFrame:
    return pl.DataFrame({
        "row": row, "number": np.full(len(row), number), "received": received, "decided": decided,
        "outcome": pl.Series(outcome.astype(object), dtype=pl.String),
    })  # fmt: skip


def _day_of_application(lives: Lives, row: NDArray[np.int64]) -> Days:
    """Return the day on which each person would apply: that of the household, but not before their arrival."""
    days, shares = zip(*RECEIVED, strict=True)
    wave = np.interp(draws(lives.seed, "wave of applications", lives.household_key[row]), shares, days).astype(
        np.int64
    )
    low, high = AFTER_ARRIVAL
    soon = low + (draws(lives.seed, "application after arrival", lives.household_key[row]) * (high - low)).astype(
        np.int64
    )
    # the stay that includes the day of the wave, or the next one
    stay = lives.stay_ending_after(row, wave)
    start = np.where(stay >= 0, lives.stays["start"].to_numpy()[stay], NEVER)
    return np.maximum(wave, start + soon)


def _days_to_decide(seed: int, person: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    return log_normal(draws(seed, "decision", person, number), DECISION_DAYS, DECISION_SIGMA).astype(np.int64)


def _status(lives: Lives, row: NDArray[np.int64], on: Days) -> NDArray[np.object_]:
    """Return the status that residence up to the day gives: settled after five years without a long absence."""
    accepts = draws(lives.seed, "accepts less", lives.person[row]) < ACCEPTS_LESS
    since = resident_since(lives, row, on)
    # a child has the status of its parent
    parent = _parent(lives, row)
    young = (age(lives.birth[row], on) < CHILD_UNTIL) & (parent >= 0)
    of_parent = resident_since(lives, np.maximum(parent, 0), on)
    settled = (on - np.where(young, np.minimum(since, of_parent), since) >= SETTLED_AFTER) & ~accepts
    return np.where(settled, "SETTLED", "PRE-SETTLED")


def _parent(lives: Lives, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the mother of each person (row), else the head of the household with which a child came; else -1."""
    home, place = lives.people["household"].to_numpy(), lives.people["place"].to_numpy()
    head = np.full(len(lives.households), -1)
    head[home[place == 0]] = np.flatnonzero(place == 0)
    mother = lives.people["mother"].to_numpy()[row]
    return np.where(mother >= 0, mother, np.where(place[row] >= 2, head[home[row]], -1))


def resident_since(lives: Lives, row: NDArray[np.int64], on: Days) -> Days:
    """Return the day since which each person (row) has lived here, short absences aside, or `NEVER`."""
    person, start, end = (lives.stays[name].to_numpy() for name in ("row", "start", "end"))
    anew = begins(person) | (start - np.roll(end, 1) > CONTINUOUS_GAP)
    first = np.flatnonzero(anew)[np.cumsum(anew) - 1]
    stay = lives.stay_by(row, on)
    return np.where(stay >= 0, start[first[stay]], NEVER)
