"""The passenger survey: a sample of people who cross the border, asked how long they mean to stay or to be away.

The older kind of migration statistics rested on it. Shifts at ports are sampled, then every k-th passenger of a
shift. Whoever has lived for twelve months on one side of the border and means to for twelve on the other is a
long-term migrant, as far as intentions hold. The survey names nobody, so nothing can be linked to it.

Journeys of people who need no visa are not simulated, so nobody meets them here.
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
"""Long-term migrants whom the real survey meets in a year; no small country can be sampled so thinly."""
MIGRATIONS = 0.019
"""Long-term migrations in a year to residents: 1.15% come and 0.75% leave."""
HIGHEST_SHARE = 0.1
"""Of crossings: with more, no simulated survey would be as uncertain as the real one."""
EVERY = 3
"""One passenger in so many is asked in a sampled shift."""
OVERSAMPLED = 2.0
"""Factor of the share of shifts at trains and ships, which carry few and would else be met too seldom."""
PORTS = (
    ("LHR", "AIR", 0.34), ("LGW", "AIR", 0.18), ("STN", "AIR", 0.13), ("MAN", "AIR", 0.13), ("LTN", "AIR", 0.08),
    ("BHX", "AIR", 0.07), ("STP", "RAIL", 0.035), ("FOL", "RAIL", 0.015), ("DOV", "SEA", 0.014),
    ("POR", "SEA", 0.004), ("HUL", "SEA", 0.002),
)  # fmt: skip
"""Ports, routes and shares of passengers: assumptions. The draw that gives a port is the one by which exit checks
give the route, so both sources know of the same one."""
SHIFTS = ("AM", "PM")
BRITISH_ABROAD = (("AU", 0.24), ("ES", 0.20), ("US", 0.18), ("FR", 0.14), ("CA", 0.09), ("IE", 0.08), ("DE", 0.07))
"""Where British people go to and come from; all others go to and come from their own country: assumptions."""
REASONS = {
    "study": (("STUDY", 1.0),),
    "family": (("JOIN", 1.0),),
    "return": (("HOME", 0.7), ("JOB", 0.2), ("JOIN", 0.1)),
    "visit": (("HOLIDAY", 0.5), ("JOIN", 0.3), ("JOB", 0.2)),
}
OTHER_REASONS = (("JOB", 0.7), ("LOOK", 0.3))
LEAVING = (("JOB", 0.45), ("HOME", 0.35), ("JOIN", 0.12), ("OTHER", 0.08))
JOURNEY = (("HOLIDAY", 0.8), ("OTHER", 0.2))
"""Reasons given by those who arrive, by why their party came; by those who leave; on journeys: assumptions."""


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of the survey: one file a year with the contacts until the data date."""
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
    and `until` (when the person will leave the side that is gone to; `NEVER` for good). Whoever comes for the first
    time has lived elsewhere since birth; a British returner, too, as far as this source asks.
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
    """Return the day in the row before, if that is of the same one; else `first`."""
    return np.where(np.diff(of, prepend=-1) == 0, np.roll(days, 1), first)


def _after(of: NDArray[np.int64], days: Days, last: Days) -> Days:
    """Return the day in the row after, if that is of the same one; else `last`."""
    return np.where(np.diff(of, append=-1) == 0, np.roll(days, -1), last)


def share_of_crossings(residents: int) -> float:
    """Return the share of crossings that is sampled in a country of so many residents."""
    return min(HIGHEST_SHARE, MIGRANT_CONTACTS / (MIGRATIONS * residents))


def passenger_survey(lives: Lives, errors: Errors, data_date: int) -> pl.DataFrame:
    """Return the contacts until the data date, one row each, with `row` (the true person).

    Whom the survey meets hangs on the shift and on a draw of the person alone, so that every k-th passenger is one
    with probability 1/k. A weight is the inverse of the sampling fraction, raised to totals of passengers by what is
    expected of cover and refusal; totals are wrong by a common factor for each route, direction and quarter.
    """
    seed, rates = lives.seed, errors.passengers
    every = crossings(lives, data_date)
    # one in so many is counted: nothing else is asked of the others
    every = every.filter(_counted(lives, every))
    row, on, arrives = (every[name].to_numpy() for name in ("row", "day", "arrives"))
    person, household, which = lives.person[row], lives.household_key[row], on * 2 + arrives
    port = pick(draws(seed, "route", household, on), [share for _, _, share in PORTS])
    afternoon = draws(seed, "passenger afternoon", household, which) < 0.5
    share = share_of_crossings(lives.residents) * EVERY * np.where(_BY_AIR[port], 1.0, OVERSAMPLED)
    shift = (which * len(PORTS) + port) * len(SHIFTS) + afternoon
    met = draws(seed, "passenger shift", shift) < share
    met &= draws(seed, "passenger not covered", household, which) >= rates.not_covered
    met &= draws(seed, "passenger refuses", person, which) >= rates.refused
    found = np.flatnonzero(met)
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


def _answers(lives: Lives, errors: Errors, met: pl.DataFrame) -> dict[str, pl.Series]:
    """Return what passengers answer: who they are, where they come from or go to, why, and for how long."""
    row, on, arrives, journey = (met[name].to_numpy() for name in ("row", "day", "arrives", "journey"))
    since, until = met["since"].to_numpy(), met["until"].to_numpy()
    people = lives.people.select("sex", "nationality", "naturalised")[row]
    passport = pl.select(
        pl.when(people["naturalised"] <= pl.Series(on)).then(pl.lit("GB")).otherwise(people["nationality"])
    ).to_series()
    stay = intended_stay(lives, errors.intentions, row, on, until)
    absence = intended_absence(lives, errors.intentions, row, on, until)
    # who is on a journey knows when it ends, and who comes back from one is at home
    told = np.where(journey, months_of(until - on), np.where(arrives, stay, absence))
    known = ~np.isnan(told)
    intended = pl.Series(np.floor(np.where(known, told, 0)).astype(np.int64))
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
    """Return the country of last or of next residence: that of nationality, for British people any of a few."""
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
