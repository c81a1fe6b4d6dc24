"""What happens to households and people: emigration, leaving the parents' home, death, birth, moves, trips."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import names, population
from synthetic_data.country import (
    BRITISH_EMIGRATION,
    FERTILITY,
    FOREIGN_EMIGRATION,
    MEAN_RETURN_DAYS,
    MEAN_SETTLED_YEARS,
    MORTALITY,
    PARTIES,
    RESIDENT,
    RESIDENTS_RETURN,
)
from synthetic_data.days import FIRST_DAY, LAST_DAY, NEVER, YEAR, YEARS, year_starts
from synthetic_data.draws import Days, Floats, between, draws, exponential, log_normal

OWN_HOUSEHOLD_KEYS = 10**13
BIRTH_KEYS = 10**12
LEAVES_HOME = 0.8
"""Children who found a household of their own between their 18th and 26th birthday."""
DAYS_BETWEEN_BIRTHS = 300
FERTILITY_WHILE_STUDYING = 0.05
TRIPS_A_YEAR = {"study": 0.6, "visit": 0.0}
"""Journeys abroad of visa nationals, by purpose of the stay; `OTHER_TRIPS` for everybody else."""
OTHER_TRIPS = 0.35
LONG_TRIPS = 0.02
"""Trips of three months to a year: they never end a stay."""


def at_steps(steps: tuple[tuple[int, float], ...], values: Floats) -> Floats:
    """Return the rate that holds from the last step at or below each value; 0 below the first."""
    index = np.searchsorted([start for start, _ in steps], values, side="right")
    return np.array([0.0, *(rate for _, rate in steps)])[index]


def emigrations(seed: int, households: pl.DataFrame, here_since: Days) -> pl.DataFrame:
    """Let resident households leave, and some of them return; `here_since` is the day they came to the country."""
    keys, group = households["key"].to_numpy(), households["group"].to_numpy()
    start = np.maximum(households["arrive"].to_numpy(), FIRST_DAY)
    leave = np.full(len(keys), NEVER)
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        head_age = (first - households["head_birth"].to_numpy()) / YEAR
        rate = at_steps(BRITISH_EMIGRATION, head_age)
        for one, steps in FOREIGN_EMIGRATION.items():
            rate = np.where(group == one, at_steps(steps, (first - here_since) / YEAR), rate)
        on = first + (draws(seed, "emigration day", keys, year) * 365).astype(np.int64)
        goes = (draws(seed, "emigration", keys, year) < rate) & (on > start + 30) & (leave == NEVER)
        leave = np.where(goes, on, leave)
    back = leave + 366 + exponential(draws(seed, "absence", keys), MEAN_RETURN_DAYS).astype(np.int64)
    returns = (leave < NEVER) & (draws(seed, "comes back", keys) < RESIDENTS_RETURN)
    again = back + 366 + exponential(draws(seed, "second stay", keys), MEAN_SETTLED_YEARS * YEAR).astype(np.int64)
    return households.with_columns(
        leave=pl.Series(leave),
        arrive_again=pl.Series(np.where(returns, back, NEVER)),
        leave_again=pl.Series(np.where(returns, again, NEVER)),
    )


def is_here(households: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
    """Return whether each household (row) is in the country on each day, short trips aside."""
    arrive, leave, again, leave_again = (
        households[name].to_numpy()[rows] for name in ("arrive", "leave", "arrive_again", "leave_again")
    )
    return ((arrive <= days) & (days < leave)) | ((again <= days) & (days < leave_again))


def leaving_home(seed: int, households: pl.DataFrame, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add `own_household` (row or -1) and `leaves_home` to people, and the households that they found."""
    person, birth = people["person"].to_numpy(), people["birth"].to_numpy()
    on = (birth + (18 + 8 * draws(seed, "leaving home", person)) * YEAR).astype(np.int64)
    leaves = (people["place"].to_numpy() >= 2) & (draws(seed, "leaves home", person) < LEAVES_HOME)
    leaves &= (on > FIRST_DAY) & (on <= LAST_DAY) & is_here(households, people["household"].to_numpy(), on)
    rows = np.flatnonzero(leaves)
    home = people["household"].to_numpy()[rows]
    founded = households[home].with_columns(
        key=pl.Series(OWN_HOUSEHOLD_KEYS + person[rows]),
        party=pl.lit(RESIDENT, dtype=pl.Int64),
        group=people["group"][rows],
        country=people["nationality"][rows],
        family_name=people["family_name"][rows],
        head_birth=pl.Series(birth[rows]),
        course_begin=pl.lit(NEVER, pl.Int64),
        course_end=pl.lit(NEVER, pl.Int64),
        arrive=pl.Series(on[rows]),
    )
    founded = emigrations(seed, founded, households["arrive"].to_numpy()[home])
    own = np.full(len(people), -1, dtype=np.int64)
    own[rows] = len(households) + np.arange(len(rows))
    people = people.with_columns(own_household=pl.Series(own), leaves_home=pl.Series(np.where(leaves, on, NEVER)))
    return pl.concat([households, founded]), people


def deaths(seed: int, people: pl.DataFrame, entry: Days) -> Days:
    """Return the day of death of each person, who is alive on the day of `entry` (Gompertz mortality)."""
    female = people["sex"].to_numpy() == "F"
    a = np.where(female, MORTALITY["F"][0], MORTALITY["M"][0])
    b = np.where(female, MORTALITY["F"][1], MORTALITY["M"][1])
    birth = people["birth"].to_numpy()
    cumulated = exponential(draws(seed, "death", people["person"].to_numpy()), 1.0)
    # the age x at which the hazard summed from the age at entry reaches an exponential draw
    dies_at = np.log(np.exp(b * (entry - birth) / YEAR) + b / a * cumulated) / b
    return np.maximum((birth + dies_at * YEAR).astype(np.int64), entry + 1)


def household_on(people: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    """Return the household (row) to which each person (row) belongs on each day."""
    own, home = people["own_household"].to_numpy()[rows], people["household"].to_numpy()[rows]
    return np.where(days >= people["leaves_home"].to_numpy()[rows], own, home)


def births(seed: int, households: pl.DataFrame, people: pl.DataFrame, death: Days) -> pl.DataFrame:
    """Return the children born to women who live here, with the columns of `people`."""
    women = np.flatnonzero(people["sex"].to_numpy() == "F")
    woman = people["person"].to_numpy()[women]
    studying = np.array([party.purpose in ("study", "visit") for party in PARTIES] + [False])
    found: list[NDArray[np.int64]] = []
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        on = first + (draws(seed, "birth day", woman, year) * 365).astype(np.int64)
        rate = at_steps(FERTILITY, (on - people["birth"].to_numpy()[women]) / YEAR)
        home = household_on(people, women, on)
        rate = rate * np.where(studying[households["party"].to_numpy()[home]], FERTILITY_WHILE_STUDYING, 1.0)
        happens = (draws(seed, "birth", woman, year) < rate) & is_here(households, home, on) & (on < death[women])
        found.append(np.column_stack([women, on, home, np.full(len(women), year - YEARS[0])])[happens])
    events = np.concatenate(found)
    events = events[np.lexsort((events[:, 1], events[:, 0]))]
    too_soon = (np.diff(events[:, 0], prepend=-1) == 0) & (np.diff(events[:, 1], prepend=0) < DAYS_BETWEEN_BIRTHS)
    mother, on, home, number = events[~too_soon].T
    person = BIRTH_KEYS + people["person"].to_numpy()[mother] * 16 + number
    sex = np.where(draws(seed, "sex", person) < population.GIRLS, "F", "M").astype(object)
    origin = households["origin"].to_numpy()[home]
    return pl.DataFrame(
        {
            "person": person,
            "household": home,
            "place": np.full(len(person), 2),
            "sex": sex,
            "birth": on,
            "nationality": people["nationality"].to_numpy()[mother],
            "group": people["group"].to_numpy()[mother],
            "origin": origin,
            "given_name": names.given_names(origin, sex, draws(seed, "given name", person)),
            "family_name": households["family_name"].to_numpy()[home],
            "mother": mother,
            "country_of_birth": np.full(len(person), "GB", dtype=object),
            "own_household": np.full(len(person), -1),
            "leaves_home": np.full(len(person), NEVER),
        },
        schema=people.schema,
    )


def trips(seed: int, households: pl.DataFrame, people: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return journeys abroad (`row, out, back`) of visa nationals: always inside a stay, never over 350 days.

    Households travel together. Journeys of others are not simulated: no source sees them.
    """
    visa = is_visa_national(people)
    inside = stays.filter(pl.Series(visa[stays["row"].to_numpy()]))
    row, start, end = (inside[name].to_numpy() for name in ("row", "start", "end"))
    often = np.array([TRIPS_A_YEAR.get(party.purpose, OTHER_TRIPS) for party in PARTIES] + [OTHER_TRIPS])
    frames = []
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        home = household_on(people, row, np.full(len(row), first))
        key = households["key"].to_numpy()[home]
        travels = draws(seed, "trip", key, year) < often[households["party"].to_numpy()[home]]
        out = first + (draws(seed, "trip day", key, year) * 365).astype(np.int64)
        away = np.clip(log_normal(draws(seed, "trip length", key, year), 18, 0.7), 3, 80)
        long_away = between(draws(seed, "long trip length", key, year), 90, 350)
        away = np.where(draws(seed, "long trip", key, year) < LONG_TRIPS, long_away, away)
        back = out + away.astype(np.int64)
        fits = travels & (out > start + 20) & (back < end - 20)
        frames.append(pl.DataFrame({"row": row[fits], "out": out[fits], "back": back[fits]}))
    journeys = pl.concat(frames).sort("row", "out")
    overlaps = (pl.col("out") < pl.col("back").shift(1).over("row") + 10).fill_null(value=False)
    # a journey that begins before the last one ended is left out, until none does
    while len(kept := journeys.filter(~overlaps)) < len(journeys):
        journeys = kept
    return journeys


def is_visa_national(people: pl.DataFrame) -> NDArray[np.bool_]:
    """Return who needs a visa: non-EU nationals, but for children born in the country, who have none to show."""
    return ((people["group"] == "non_EU") & (people["country_of_birth"] != "GB")).to_numpy()
