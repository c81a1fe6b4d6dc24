"""The passenger survey: a sample of people who cross the border, asked how long they intend to stay or be away.

Migration statistics were once based on such a survey. Shifts at ports are sampled, then every k-th passenger of a
shift. People who have lived for twelve months on one side of the border and intend to for twelve on the other are
long-term migrants, as far as intentions come true. The survey has no names, so nothing can be linked to it.

Journeys of people who need no visa are not simulated, so the survey does not include them.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import FIRST_DAY, NEVER, age, as_date, dates
from synthetic_data.numbers.draws import Days, Floats, draws, log_normal, pick, scatter
from synthetic_data.surveys.intentions import intended_absence, intended_stay, months_of

MIGRANT_CONTACTS = 4_000
"""Long-term migrants interviewed by the real survey in a year; a small country needs a larger sampling fraction."""
MIGRATIONS = 0.019
"""Long-term migrations in a year per resident: 1.15% come and 0.75% leave."""
HIGHEST_SHARE = 0.1
"""Of crossings: with a larger share, no simulated survey would be as uncertain as the real one."""
EVERY = 3
"""One in this number of passengers is asked in a sampled shift."""
OVERSAMPLED = 2.0
"""Factor of the share of shifts for trains and ships, whose few passengers would otherwise be sampled too rarely."""
PORTS = (
    ("LHR", "AIR", 0.34), ("LGW", "AIR", 0.18), ("STN", "AIR", 0.13), ("MAN", "AIR", 0.13), ("LTN", "AIR", 0.08),
    ("BHX", "AIR", 0.07), ("STP", "RAIL", 0.035), ("FOL", "RAIL", 0.015), ("DOV", "SEA", 0.014),
    ("POR", "SEA", 0.004), ("HUL", "SEA", 0.002),
)  # fmt: skip
"""Ports, routes and shares of passengers: assumptions. The draw that gives a port also gives the route in exit
checks, so both sources contain the same route."""
SHIFTS = ("AM", "PM")
BRITISH_ABROAD = (("AU", 0.24), ("ES", 0.20), ("US", 0.18), ("FR", 0.14), ("CA", 0.09), ("IE", 0.08), ("DE", 0.07))
"""Countries to and from which British people move; all others move to and from their own country: assumptions."""
REASONS = {
    "study": (("STUDY", 1.0),),
    "family": (("JOIN", 1.0),),
    "return": (("HOME", 0.7), ("JOB", 0.2), ("JOIN", 0.1)),
    "visit": (("HOLIDAY", 0.5), ("JOIN", 0.3), ("JOB", 0.2)),
}
OTHER_REASONS = (("JOB", 0.7), ("LOOK", 0.3))
LEAVING = (("JOB", 0.45), ("HOME", 0.35), ("JOIN", 0.12), ("OTHER", 0.08))
JOURNEY = (("HOLIDAY", 0.8), ("OTHER", 0.2))
"""Reasons given by people who arrive, by the purpose of their coming; who leave; on journeys: assumptions."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of the survey: one file per year with the contacts until the data date."""
    contacts = passenger_survey(view.lives, view.errors, view.data_date)
    year = contacts["INTERVIEW_DATE"].dt.year()
    files = {
        f"passenger_survey_{one}.csv": contacts.filter(year == one)
        for one in range(as_date(FIRST_DAY).year, as_date(view.data_date).year + 1)
    }
    order = ("INTERVIEW_DATE", "CONTACT_NUMBER")
    return [DeliveredExtract("passenger_survey", "passenger_survey", files, "CONTACT_NUMBER", sex="SEX", order=order)]


def crossings(lives: Lives, until: int) -> pl.DataFrame:
    """Return all crossings to the day `until`: arrivals and departures of stays, and journeys out and back in them.

    Columns: `row` (of people), `day`, `arrives`, `journey`, `since` (when the person came to the side that is left)
    and `until` (when the person will leave the side that is entered; `NEVER` for good). People who come for the first
    time have lived elsewhere since birth; British returners too, as far as this source asks.
    """
    row, start, end = (lives.stays[name].to_numpy() for name in ("row", "start", "end"))
    born, dies = start == lives.birth[row], end == lives.death[row]
    # nobody foresees death
    until_end = np.where(dies, NEVER, end)
    trips = lives.trips.sort("row", "out")
    of, out, back = (trips[name].to_numpy() for name in ("row", "out", "back"))
    stay = lives.stay_by(of, out)
    every = pl.concat([
        _crossings(row, start, _before(row, end, lives.birth[row]), until_end, arrives=True).filter(~born),
        _crossings(row, end, start, _after(row, start, np.full(len(row), NEVER)), arrives=False).filter(~dies),
        _crossings(of, out, _before(stay, back, start[stay]), back, arrives=False, journey=True),
        _crossings(of, back, out, _after(stay, out, until_end[stay]), arrives=True, journey=True),
    ])  # fmt: skip
    return every.filter(pl.col("day").is_between(FIRST_DAY, until, closed="right"))


def _crossings(
    row: NDArray[np.int64], on: Days, since: Days, until: Days, *, arrives: bool, journey: bool = False
) -> pl.DataFrame:
    return pl.DataFrame({
        "row": row, "arrives": np.full(len(row), arrives), "journey": np.full(len(row), journey), "day": on,
        "since": since, "until": until,
    })  # fmt: skip


def _before(of: NDArray[np.int64], days: Days, first: Days) -> Days:
    """Return the day in the previous row, if it is of the same person or stay; else `first`."""
    return np.where(np.diff(of, prepend=-1) == 0, np.roll(days, 1), first)


def _after(of: NDArray[np.int64], days: Days, last: Days) -> Days:
    """Return the day in the next row, if it is of the same person or stay; else `last`."""
    return np.where(np.diff(of, append=-1) == 0, np.roll(days, -1), last)


def share_of_crossings(residents: int) -> float:
    """Return the share of crossings that is sampled in a country of `residents`."""
    return min(HIGHEST_SHARE, MIGRANT_CONTACTS / (MIGRATIONS * residents))


def passenger_survey(lives: Lives, errors: Errors, data_date: int) -> pl.DataFrame:
    """Return the contacts until the data date, one row each, with `row` (the true person).

    Who is interviewed depends only on the shift and on a draw of the person: every k-th passenger is one with
    probability 1/k. A weight is the inverse of the sampling fraction, raised to passenger totals by the expected
    coverage and refusal; totals are wrong by a common factor for each route, direction and quarter.
    """
    seed, rates = lives.seed, errors.passengers
    every = crossings(lives, data_date)
    # only counted passengers are asked, so the others are dropped first
    every = every.filter(_counted(lives, every))
    row, on, arrives = (every[name].to_numpy() for name in ("row", "day", "arrives"))
    person, household, which = lives.person[row], lives.household_key[row], on * 2 + arrives
    port = pick(draws(seed, "route", household, on), [share for _, _, share in PORTS])
    afternoon = draws(seed, "passenger afternoon", household, which) < 0.5
    share = share_of_crossings(lives.residents) * EVERY * np.where(_BY_AIR[port], 1.0, OVERSAMPLED)
    shift = (which * len(PORTS) + port) * len(SHIFTS) + afternoon
    interviewed = draws(seed, "passenger shift", shift) < share
    interviewed &= draws(seed, "passenger not covered", household, which) >= rates.not_covered
    interviewed &= draws(seed, "passenger refuses", person, which) >= rates.refused
    found = np.flatnonzero(interviewed)
    # in the order of the files
    contact = scatter(seed, "passenger contact", person[found], which[found])
    order = np.lexsort((contact, on[found]))
    found, contact = found[order], contact[order]
    every, port, afternoon, share = every[found], port[found], afternoon[found], share[found]
    arrives, day = arrives[found], dates("day", on[found])
    quarter = day.dt.year().cast(pl.Int64).to_numpy() * 4 + day.dt.quarter().to_numpy()
    stratum = (quarter * 2 + arrives) * len(_ROUTES) + _ROUTE_OF[port]
    totals = log_normal(draws(seed, "passenger totals", stratum), 1.0, rates.totals_sigma)
    weight = EVERY / share * totals / ((1 - rates.not_covered) * (1 - rates.refused))
    return pl.DataFrame(
        {
            "row": every["row"],
            "CONTACT_NUMBER": identifiers.hexadecimal("P", contact),
            "INTERVIEW_DATE": day,
            "DIRECTION": pl.Series(["OUT", "IN"])[arrives.astype(np.int64)],
            "PORT": pl.Series([name for name, _, _ in PORTS])[port],
            "ROUTE": pl.Series(_ROUTES)[_ROUTE_OF[port]],
            "SHIFT": pl.Series(SHIFTS)[afternoon.astype(np.int64)],
            **_answers(lives, errors, every),
            "WEIGHT": np.round(weight, 6),
        }
    )


def _counted(lives: Lives, every: pl.DataFrame) -> NDArray[np.bool_]:
    """Return which passengers are counted in a sampled shift."""
    which = every["day"].to_numpy() * 2 + every["arrives"].to_numpy()
    return draws(lives.seed, "passenger counted", lives.person[every["row"].to_numpy()], which) < 1 / EVERY


def _answers(lives: Lives, errors: Errors, contacts: pl.DataFrame) -> dict[str, pl.Series]:
    """Return what passengers answer: who they are, where they come from or go to, why, and for how long."""
    row, on, arrives, journey = (contacts[name].to_numpy() for name in ("row", "day", "arrives", "journey"))
    since, until = contacts["since"].to_numpy(), contacts["until"].to_numpy()
    people = lives.people.select("sex", "nationality", "naturalised")[row]
    passport = pl.select(
        pl.when(people["naturalised"] <= pl.Series(on)).then(pl.lit("GB")).otherwise(people["nationality"])
    ).to_series()
    stay = intended_stay(lives, errors.intentions, row, on, until)
    absence = intended_absence(lives, errors.intentions, row, on, until)
    # people on a journey know when it ends, and people who come back from one are at home
    stated = np.where(journey, months_of(until - on), np.where(arrives, stay, absence))
    known = ~np.isnan(stated)
    intended = pl.Series(np.floor(np.where(known, stated, 0)).astype(np.int64))
    return {
        "NATIONALITY": passport,
        "SEX": people["sex"],
        "AGE": pl.Series(np.floor(age(lives.birth[row], on)).astype(np.int64)),
        "OTHER_COUNTRY": _other_country(lives, row),
        "REASON": _reasons(lives, row, on, arrives, journey),
        "MONTHS_BEFORE": pl.Series(np.floor(months_of(on - since)).astype(np.int64)),
        "MONTHS_INTENDED": pl.select(pl.when(pl.Series(known)).then(intended)).to_series(),
    }


def _other_country(lives: Lives, row: NDArray[np.int64]) -> pl.Series:
    """Return the country of last or next residence: that of nationality, for British people one of a few."""
    own = lives.people["nationality"][row]
    chosen = pick(
        draws(lives.seed, "country abroad", lives.household_key[row]), [share for _, share in BRITISH_ABROAD]
    )
    abroad = pl.Series([country for country, _ in BRITISH_ABROAD])[chosen]
    return pl.select(pl.when(own == "GB").then(abroad).otherwise(own)).to_series()


def _reasons(
    lives: Lives,
    row: NDArray[np.int64],
    on: NDArray[np.int64],
    arrives: NDArray[np.bool_],
    journey: NDArray[np.bool_],
) -> pl.Series:
    uniform = draws(lives.seed, "passenger reason", lives.household_key[row], on)
    reason = _drawn(uniform, OTHER_REASONS)
    for purpose, shares in REASONS.items():
        reason = np.where(lives.purpose[row].are(purpose), _drawn(uniform, shares), reason)
    return pl.Series(
        np.select([journey, ~arrives], [_drawn(uniform, JOURNEY), _drawn(uniform, LEAVING)], reason).tolist(),
        dtype=pl.String,
    )


def _drawn(uniform: Floats, shares: tuple[tuple[str, float], ...]) -> NDArray[np.str_]:
    return np.array([name for name, _ in shares])[pick(uniform, [share for _, share in shares])]


_ROUTES = list(dict.fromkeys(route for _, route, _ in PORTS))
_ROUTE_OF = np.array([_ROUTES.index(route) for _, route, _ in PORTS])
_BY_AIR = np.array([route == "AIR" for _, route, _ in PORTS])
