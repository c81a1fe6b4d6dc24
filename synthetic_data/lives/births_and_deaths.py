"""Births to women who live here, and deaths."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import names
from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.country.rates import (
    FERTILITY,
    FERTILITY_BORN_ABROAD,
    FERTILITY_OF_YEAR,
    MORTALITY,
    MORTALITY_FALLS,
    MORTALITY_OF_YEAR,
    TWINS,
    at_steps,
)
from synthetic_data.lives.households import GIRLS, sexes
from synthetic_data.lives.membership import household_on, is_here
from synthetic_data.lives.numbering import BIRTH_KEYS, BIRTH_SLOTS
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, YEAR, YEARS, year_starts
from synthetic_data.numbers.draws import Days, draws, exponential
from synthetic_data.numbers.labels import Labels

DAYS_BETWEEN_BIRTHS = 300
OLDEST = 115
"""The greatest age in years."""
FERTILITY_WHILE_STUDYING = 0.05
"""Factor of the fertility of students and visitors."""


def deaths(seed: int, people: pl.DataFrame, entry: Days) -> Days:
    """Return the day of death of each person, who is alive on the day of `entry`.

    Mortality follows Gompertz and falls by the same share each year: at age x of a person born in year t the hazard
    is a exp(b x - c (t + x - 2010)), which is again Gompertz along a life, times a factor of the year to June, for
    mild and hard winters. Hazards are summed year by year until they reach an exponential draw.
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
    studying = np.array([group.purpose in ("study", "visit") for group in MIGRANT_GROUPS] + [False, True])
    factor = np.where((people["country_of_birth"] == "GB").to_numpy()[women], 1.0, FERTILITY_BORN_ABROAD)
    highest = factor * max(rate for _, rate in FERTILITY)
    found: list[NDArray[np.int64]] = []
    for year, first, of_year in zip(YEARS, year_starts(YEARS), FERTILITY_OF_YEAR, strict=True):
        years = (first - birth) / YEAR
        of_age = np.flatnonzero((years > FERTILITY[0][0] - 1) & (years < FERTILITY[-1][0]))
        uniform = draws(seed, "birth", woman[of_age], year)
        # the exact rate is needed only for this small number of women
        some = uniform < of_year * highest[of_age]
        some, uniform = of_age[some], uniform[some]
        on = first + (draws(seed, "birth day", woman[some], year) * 365).astype(np.int64)
        rate = of_year * factor[some] * at_steps(FERTILITY, (on - birth[some]) / YEAR)
        likely = uniform < rate
        mother, on, rate, uniform = women[some[likely]], on[likely], rate[likely], uniform[likely]
        home = household_on(people, mother, on)
        rate = rate * np.where(studying[households["migrant_group"].to_numpy()[home]], FERTILITY_WHILE_STUDYING, 1.0)
        happens = (uniform < rate) & is_here(households, home, on) & (on < death[mother])
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
    no_row, never = np.full(len(person), -1), np.full(len(person), NEVER)
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
        "own_household": no_row,
        "leaves_home": never,
        "joint_household": no_row,
        "married": never,
        "married_name": pl.Series([None], dtype=pl.String).new_from_index(0, len(person)),
        "twin": is_twin[order],
    })  # fmt: skip
