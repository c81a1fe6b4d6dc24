"""What happens to households and people: emigration, leaving home, living together, death, birth, trips."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import names
from synthetic_data.country.rates import (
    BRITISH_EMIGRATION,
    BRITISH_FATHER,
    FERTILITY,
    FERTILITY_BORN_ABROAD,
    FERTILITY_OF_YEAR,
    FOREIGN_EMIGRATION,
    MEAN_RETURN_DAYS,
    MEAN_SETTLED_YEARS,
    MORTALITY,
    MORTALITY_FALLS,
    MORTALITY_OF_YEAR,
    NATURALISES,
    NATURALISES_AFTER,
    PARTIES,
    RESIDENT,
    RESIDENTS_RETURN,
    SETTLED_AFTER,
    TWINS,
)
from synthetic_data.lives.households import GIRLS, GROUPS, SPELLS, sexes
from synthetic_data.lives.studies import home_course
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, YEAR, YEARS, row_days, year_starts
from synthetic_data.numbers.draws import Days, Floats, between, draws, exponential, log_normal
from synthetic_data.numbers.labels import Labels
from synthetic_data.numbers.runs import begins

OWN_HOUSEHOLD_KEYS = 1 << 55
BIRTH_KEYS = 1 << 56
BIRTH_SLOTS = 32
"""Numbers kept free for the children of a woman: two for each year."""
LEAVES_HOME = 0.8
"""Children who found a household of their own between their 18th and 26th birthday."""
DAYS_BETWEEN_BIRTHS = 300
OLDEST = 115
"""Years that nobody outlives."""
FERTILITY_WHILE_STUDYING = 0.05
TRIPS_A_YEAR = {"study": 0.15, "visit": 0.0}
"""Journeys abroad of visa nationals, by purpose of the stay; `OTHER_TRIPS` for everybody else."""
OTHER_TRIPS = 0.35
LONG_TRIPS = 0.02
"""Trips of three months to a year: they never end a stay."""
HOLIDAYS = (("christmas", 12, 10, 24), ("easter", 3, 20, 21), ("summer", 6, 14, 92))
"""Students' holidays at home: name, month and day from which they leave, days away."""
GOES_HOME = ((0.31, 0.95), (1.0, 0.50))
"""Shares of students up to which each holiday is spent at home so often: some always go (assumption)."""


def at_steps(steps: tuple[tuple[int, float], ...], values: Floats) -> Floats:
    """Return the rate that holds from the last step at or below each value; 0 below the first."""
    index = np.searchsorted([start for start, _ in steps], values, side="right")
    return np.array([0.0, *(rate for _, rate in steps)])[index]


def emigrations(seed: int, households: pl.DataFrame, here_since: Days) -> pl.DataFrame:
    """Let resident households leave, and some of them return; `here_since` is the day they came to the country."""
    keys, group = households["key"].to_numpy(), Labels.of(households["group"], GROUPS)
    start = np.maximum(households["arrive"].to_numpy(), FIRST_DAY)
    leave = np.full(len(keys), NEVER)
    birth = households["head_birth"].to_numpy()
    highest = max(rate for steps in (BRITISH_EMIGRATION, *FOREIGN_EMIGRATION.values()) for _, rate in steps)
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        chance = draws(seed, "emigration", keys, year)
        some = np.flatnonzero((chance < highest) & (leave == NEVER))
        rate = at_steps(BRITISH_EMIGRATION, (first - birth[some]) / YEAR)
        for one, steps in FOREIGN_EMIGRATION.items():
            those = group[some].are(one)
            rate[those] = at_steps(steps, (first - here_since[some[those]]) / YEAR)
        on = first + (draws(seed, "emigration day", keys[some], year) * 365).astype(np.int64)
        goes = (chance[some] < rate) & (on > start[some] + 30)
        leave[some[goes]] = on[goes]
    back, again = np.full(len(keys), NEVER), np.full(len(keys), NEVER)
    left = np.flatnonzero(leave < NEVER)
    some = left[draws(seed, "comes back", keys[left]) < RESIDENTS_RETURN]
    absence = exponential(draws(seed, "absence", keys[some]), MEAN_RETURN_DAYS)
    back[some] = leave[some] + 366 + absence.astype(np.int64)
    stay = exponential(draws(seed, "second stay", keys[some]), MEAN_SETTLED_YEARS * YEAR)
    again[some] = back[some] + 366 + stay.astype(np.int64)
    return households.with_columns(leave=pl.Series(leave), arrive_again=pl.Series(back), leave_again=pl.Series(again))


def is_here(households: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
    """Return whether each household (row) is in the country on each day, short trips aside."""
    here = np.zeros(len(rows), dtype=bool)
    for arrive, leave in SPELLS:
        # those who are in one stay are in no other
        rest = np.flatnonzero(~here)
        of, on = rows[rest], days[rest]
        here[rest] = (households[arrive].to_numpy()[of] <= on) & (on < households[leave].to_numpy()[of])
    return here


def leaving_home(seed: int, households: pl.DataFrame, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add `own_household` (row or -1) and `leaves_home` to people, and the households that they found.

    Those who go to university leave for it, or after it; a new household's `course_end` is that of its founder.
    """
    children = np.flatnonzero(people["place"].to_numpy() >= 2)
    person, birth, home = (people[name].to_numpy()[children] for name in ("person", "birth", "household"))
    begin, finish, in_hall = home_course(seed, person, birth)
    usual = (birth + (18 + 8 * draws(seed, "leaving home", person)) * YEAR).astype(np.int64)
    studies = (begin > FIRST_DAY) & (begin < NEVER)
    in_town = studies & in_hall
    on = np.where(in_town, begin, np.where(studies, np.maximum(usual, finish), usual))
    leaves = (draws(seed, "leaves home", person) < LEAVES_HOME) | in_hall
    leaves &= (on > FIRST_DAY) & (on <= LAST_DAY) & is_here(households, home, on)
    rows, person, birth, home, on = (one[leaves] for one in (children, person, birth, home, on))
    in_town, begin, finish = in_town[leaves], begin[leaves], finish[leaves]
    of = people.select("group", "fine_group", "nationality", "family_name")[rows]
    never = pl.lit(NEVER, pl.Int64)
    founded = households[home].with_columns(
        key=pl.Series(OWN_HOUSEHOLD_KEYS + person),
        party=pl.lit(RESIDENT, dtype=pl.Int64),
        group=of["group"],
        fine_group=of["fine_group"],
        country=of["nationality"],
        family_name=of["family_name"],
        head_birth=pl.Series(birth),
        overstays=pl.lit(value=False),
        **{day: never for spell in SPELLS for day in spell} | {"arrive": pl.Series(on)},
        course_begin=pl.Series(np.where(in_town, begin, NEVER)),
        course_end=pl.Series(np.where(in_town, finish, NEVER)),
    )
    founded = emigrations(seed, founded, households["arrive"].to_numpy()[home])
    own, leaves_home = np.full(len(people), -1), np.full(len(people), NEVER)
    own[rows] = len(households) + np.arange(len(rows))
    leaves_home[rows] = on
    people = people.with_columns(own_household=pl.Series(own), leaves_home=pl.Series(leaves_home))
    return pl.concat([households, founded], rechunk=True), people


def before_couples(people: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    """Return the household (row) to which each person (row) belongs on each day, couples aside."""
    household = people["household"].to_numpy()[rows]
    own = np.flatnonzero(days >= people["leaves_home"].to_numpy()[rows])
    household[own] = people["own_household"].to_numpy()[rows[own]]
    return household


def household_on(people: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    """Return the household (row) to which each person (row) belongs on each day."""
    household = before_couples(people, rows, days)
    joint = np.flatnonzero(days >= people["married"].to_numpy()[rows])
    household[joint] = people["joint_household"].to_numpy()[rows[joint]]
    return household


def naturalisations(seed: int, households: pl.DataFrame, people: pl.DataFrame) -> Days:
    """Return the day on which each person becomes British while living here, or `NEVER`; families do together."""
    home = people["household"].to_numpy()
    key, arrive = households["key"].to_numpy(), households["arrive"].to_numpy()
    rate = np.zeros(len(key))
    for group, a_year in NATURALISES.items():
        rate[(households["group"] == group).to_numpy()] = a_year
    waits = exponential(draws(seed, "naturalisation", key), 1 / np.maximum(rate, 1e-9))
    earliest = np.maximum(arrive + NATURALISES_AFTER * YEAR, FIRST_DAY)
    on = np.where(rate > 0, np.minimum(earliest + waits * YEAR, NEVER), NEVER).astype(np.int64)
    on = np.where((on <= LAST_DAY) & is_here(households, np.arange(len(key)), on), on, NEVER)
    foreign = (people["group"] != "British").to_numpy()
    birth, mother = people["birth"].to_numpy(), people["mother"].to_numpy()
    becomes = np.where(foreign & (birth < on[home]), on[home], NEVER)
    # a child born here to a settled mother, or to a British father, is British from birth
    settled = arrive[home] < birth - SETTLED_AFTER * YEAR
    settled |= draws(seed, "british father", people["person"].to_numpy()) < BRITISH_FATHER
    settled |= np.where(mother >= 0, becomes[np.maximum(mother, 0)], NEVER) <= birth
    return np.where(foreign & (mother >= 0) & settled, birth, becomes)


def deaths(seed: int, people: pl.DataFrame, entry: Days) -> Days:
    """Return the day of death of each person, who is alive on the day of `entry`.

    Mortality follows Gompertz, and falls by the same share each year: at age x of somebody born in year t the hazard
    is a exp(b x - c (t + x - 2010)), which is Gompertz again along a life, times a factor of the year to June: some
    winters are mild. Hazards are summed year by year until they reach an exponential draw.
    """
    female = (people["sex"] == "F").to_numpy()
    birth = people["birth"].to_numpy()
    a = np.where(female, MORTALITY["F"][0], MORTALITY["M"][0])
    a = a * np.exp(MORTALITY_FALLS * (FIRST_DAY - birth) / YEAR)
    b = np.where(female, MORTALITY["F"][1], MORTALITY["M"][1]) - MORTALITY_FALLS
    left = exponential(draws(seed, "death", people["person"].to_numpy()), 1.0)
    dies = np.full(len(birth), NEVER)
    on, begin = entry, np.exp(b * (entry - birth) / YEAR)
    for factor, year_end in zip(MORTALITY_OF_YEAR, (*year_starts(YEARS, 7), NEVER), strict=True):
        until = np.maximum(year_end, on)
        end = np.exp(b * np.minimum(until - birth, OLDEST * YEAR) / YEAR)
        spent = factor * a / b * (end - begin)
        some = np.flatnonzero((left < spent) & (dies == NEVER))
        grown = begin[some] + left[some] * b[some] / (factor * a[some])
        dies[some] = birth[some] + np.log(grown) / b[some] * YEAR
        left -= np.maximum(spent, 0)
        on, begin = until, end
    return np.maximum(dies, entry + 1)


def births(seed: int, households: pl.DataFrame, people: pl.DataFrame, death: Days) -> pl.DataFrame:
    """Return the children born to women who live here, with the columns of `people`, and `twin`."""
    of_age = people["birth"].is_between(FIRST_DAY - (FERTILITY[-1][0] + 1) * YEAR, LAST_DAY)
    women = np.flatnonzero(((people["sex"] == "F") & of_age).to_numpy())
    woman, birth = people["person"].to_numpy()[women], people["birth"].to_numpy()[women]
    studying = np.array([party.purpose in ("study", "visit") for party in PARTIES] + [False, True])
    factor = np.where((people["country_of_birth"] == "GB").to_numpy()[women], 1.0, FERTILITY_BORN_ABROAD)
    highest = factor * max(rate for _, rate in FERTILITY)
    found: list[NDArray[np.int64]] = []
    for year, first, of_year in zip(YEARS, year_starts(YEARS), FERTILITY_OF_YEAR, strict=True):
        years = (first - birth) / YEAR
        of_age = np.flatnonzero((years > FERTILITY[0][0] - 1) & (years < FERTILITY[-1][0]))
        chance = draws(seed, "birth", woman[of_age], year)
        # rates of so few women need to be known
        some = chance < of_year * highest[of_age]
        some, chance = of_age[some], chance[some]
        on = first + (draws(seed, "birth day", woman[some], year) * 365).astype(np.int64)
        rate = of_year * factor[some] * at_steps(FERTILITY, (on - birth[some]) / YEAR)
        likely = chance < rate
        mother, on, rate, chance = women[some[likely]], on[likely], rate[likely], chance[likely]
        home = household_on(people, mother, on)
        rate = rate * np.where(studying[households["party"].to_numpy()[home]], FERTILITY_WHILE_STUDYING, 1.0)
        happens = (chance < rate) & is_here(households, home, on) & (on < death[mother])
        found.append(np.column_stack([mother, on, home, np.full(len(mother), 2 * (year - YEARS[0]))])[happens])
    events = np.concatenate(found)
    events = events[np.lexsort((events[:, 1], events[:, 0]))]
    too_soon = (np.diff(events[:, 0], prepend=-1) == 0) & (np.diff(events[:, 1], prepend=0) < DAYS_BETWEEN_BIRTHS)
    events = events[~too_soon]
    twins = draws(seed, "twins", people["person"].to_numpy()[events[:, 0]], events[:, 3]) < TWINS
    second = events[twins] + np.array([0, 0, 0, 1])
    events = np.concatenate([events, second])
    is_twin = np.concatenate([twins, np.ones(len(second), dtype=bool)])
    order = np.lexsort((events[:, 3], events[:, 0]))
    mother, on, home, number = events[order].T
    person = BIRTH_KEYS + people["person"].to_numpy()[mother] * BIRTH_SLOTS + number
    female = draws(seed, "sex", person) < GIRLS
    of_mother = people.select("part", "nationality", "group", "fine_group")[mother]
    of_home = households.select("origin", "family_name")[home]
    origin = Labels.of(of_home["origin"], names.ORIGINS)
    nobody, never = np.full(len(person), -1), np.full(len(person), NEVER)
    return pl.DataFrame({
        "person": person,
        "part": of_mother["part"],
        "household": home,
        "place": np.full(len(person), 2),
        "sex": sexes(female),
        "birth": on,
        "nationality": of_mother["nationality"],
        "group": of_mother["group"],
        "fine_group": of_mother["fine_group"],
        "origin": of_home["origin"],
        "given_name": names.given_names(origin, female, draws(seed, "given name", person)),
        "family_name": of_home["family_name"],
        "mother": mother,
        "country_of_birth": pl.Series(["GB"]).new_from_index(0, len(person)),
        "own_household": nobody,
        "leaves_home": never,
        "joint_household": nobody,
        "married": never,
        "married_name": pl.Series([None], dtype=pl.String).new_from_index(0, len(person)),
        "twin": is_twin[order],
    })  # fmt: skip


def trips(seed: int, households: pl.DataFrame, people: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return journeys abroad (`row, out, back`) of visa nationals: always inside a stay, never over 350 days.

    Households travel together; students go home for the holidays. Journeys of others are not simulated: no
    source sees them.
    """
    row, start, end = (stays[name].to_numpy() for name in ("row", "start", "end"))
    visa = np.flatnonzero(is_visa_national(people)[row] & (end > FIRST_DAY))
    row, start, end = row[visa], start[visa], end[visa]
    often = np.array([TRIPS_A_YEAR.get(party.purpose, OTHER_TRIPS) for party in PARTIES] + [OTHER_TRIPS, 0.0])
    key, party, course_begin, course_end = (
        households[name].to_numpy() for name in ("key", "party", "course_begin", "course_end")
    )
    found = []
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        here = np.flatnonzero((start < first + 365) & (end > first))
        home = household_on(people, row[here], np.full(len(here), first))
        goes = draws(seed, "trip", key[home], year) < often[party[home]]
        of = key[home[goes]]
        out = first + (draws(seed, "trip day", of, year) * 365).astype(np.int64)
        away = np.clip(log_normal(draws(seed, "trip length", of, year), 18, 0.7), 3, 80)
        long = draws(seed, "long trip", of, year) < LONG_TRIPS
        away[long] = between(draws(seed, "long trip length", of[long], year), 90, 350)
        found.append((here[goes], out, away.astype(np.int64)))
        studies = (course_begin[home] <= first + 365) & (party[home] < len(PARTIES)) & (course_end[home] > first)
        here, home = here[studies], home[studies]
        of = key[home]
        share = np.where(draws(seed, "goes home", of) < GOES_HOME[0][0], GOES_HOME[0][1], GOES_HOME[1][1])
        for name, month, day_of_month, days_away in HOLIDAYS:
            leaves = year_starts(year, month, day_of_month) + draws(seed, f"{name} day", of, year) * 12
            goes = (leaves < course_end[home] - 10) & (draws(seed, name, of, year) < share)
            back = days_away + between(draws(seed, f"{name} length", of[goes], year), -6, 7)
            found.append((here[goes], leaves[goes].astype(np.int64), back.astype(np.int64)))
    stay, out, away = (np.concatenate(part) for part in zip(*found, strict=True))
    inside = (out > start[stay] + 20) & (out + away < end[stay] - 20)
    row, out, back = row[stay[inside]], out[inside], (out + away)[inside]
    order = np.lexsort((back, row_days(row, out)))
    row, out, back = row[order], out[order], back[order]
    # a journey that begins before the last one ended is left out, until none does
    while (kept := begins(row) | (out >= np.roll(back, 1) + 10)).sum() < len(row):
        row, out, back = row[kept], out[kept], back[kept]
    return pl.DataFrame({"row": row, "out": out, "back": back})


def is_visa_national(people: pl.DataFrame) -> NDArray[np.bool_]:
    """Return who needs a visa: non-EU nationals, but for children born in the country, who have none to show."""
    return ((people["group"] == "non_EU") & (people["country_of_birth"] != "GB")).to_numpy()
