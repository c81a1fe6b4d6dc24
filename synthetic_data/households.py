"""Households and their people, however they came: their keys, names, ages and places.

A household is a set of people who move and migrate together. Frames hold one row each, and other modules
point to rows by number; `key` and `person` are numbers that never depend on how many others there are.

households: key, part (0 to 9), party (number in `PARTIES`, `RESIDENT` or `GHOST`), group, fine_group, country
    (nationality), origin (of names), family_name, head_birth, course_begin, course_end (of a student from abroad),
    overstays, and three stays at most: arrive, leave, arrive_again, leave_again, arrive_third, leave_third (days;
    `NEVER` where nothing happens).
people: person, part, household (row), place (0 head, 1 partner, 2.. children), sex, birth, nationality, group,
    fine_group, country_of_birth, origin, given_name, family_name, mother (row or -1), naturalised (day).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import names
from synthetic_data.country import GROUP_OF
from synthetic_data.days import NEVER, YEAR
from synthetic_data.draws import Floats, draws

PLACES = 8
"""Numbers of people kept free for each household."""
PART_BITS, PARTY_BITS, SURGE_BIT = 40, 32, 31
"""A household's key: its part, its party, whether a surge added it, and its number."""
SPELLS = (("arrive", "leave"), ("arrive_again", "leave_again"), ("arrive_third", "leave_third"))
GIRLS = 0.488
OLDEST_CHILD = 21


def first_keys(part: int, party: int, number: int, *, surge: bool = False) -> NDArray[np.int64]:
    """Return the keys of so many households of one part and party."""
    return (part << PART_BITS) + (party << PARTY_BITS) + (int(surge) << SURGE_BIT) + np.arange(number)


def stacked(made: list[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stack households, and people with the rows of their households moved on."""
    starts = np.cumsum([0, *(len(households) for households, _ in made[:-1])])
    people = [
        one.with_columns(pl.col("household") + int(start)) for (_, one), start in zip(made, starts, strict=True)
    ]
    return pl.concat([households for households, _ in made], rechunk=True), pl.concat(people, rechunk=True)


def nationalities(seed: int, keys: NDArray[np.int64], fine: NDArray[np.object_], weights: str) -> NDArray[np.object_]:
    """Return a country for each household of a finer group; `weights` is a column of the table of countries."""
    country = np.empty(len(keys), dtype=object)
    uniform = draws(seed, "country", keys)
    for one in GROUP_OF:
        those = fine == one
        if those.any():
            country[those] = names.countries(one, weights, uniform[those])
    return country


def households_of(
    seed: int,
    keys: NDArray[np.int64],
    party: int,
    fine: NDArray[np.object_],
    country: NDArray[np.object_],
    ancestry: NDArray[np.object_],
    head_birth: NDArray[np.int64],
) -> pl.DataFrame:
    """Return households in which nothing happens yet."""
    origin = names.origin_of(ancestry, draws(seed, "name origin", keys))
    never = np.full(len(keys), NEVER)
    days = dict.fromkeys(("course_begin", "course_end", *(day for spell in SPELLS for day in spell)), never)
    return pl.DataFrame(
        {
            "key": keys,
            "part": keys >> PART_BITS,
            "party": np.full(len(keys), party, dtype=np.int64),
            "fine_group": fine,
            "country": country,
            "origin": origin,
            "family_name": names.family_names(origin, draws(seed, "family name", keys)),
            "head_birth": head_birth,
            "overstays": np.zeros(len(keys), dtype=bool),
            **days,
        },
        schema_overrides=dict.fromkeys(["fine_group", "country", "origin", "family_name"], pl.String),
    ).with_columns(group=pl.col("fine_group").replace_strict(GROUP_OF, return_dtype=pl.String))


def people_of(
    seed: int,
    households: pl.DataFrame,
    adults: NDArray[np.int64],
    children: NDArray[np.int64],
    on: NDArray[np.int64],
    head_female: Floats,
) -> pl.DataFrame:
    """Return the members of households on the day `on` of each, all with the household's nationality."""
    sizes = adults + children
    household = np.repeat(np.arange(len(households)), sizes)
    within = np.arange(len(household)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.where(within < adults[household], within, within - adults[household] + 2)
    person = households["key"].to_numpy()[household] * PLACES + place
    head_birth = households["head_birth"].to_numpy()[household]
    head_age = (on[household] - head_birth) / YEAR
    partner_birth = head_birth + (draws(seed, "partner age", person) - 0.5) * 6 * YEAR
    partner_birth = np.minimum(partner_birth, on[household] - 18 * YEAR)
    # the eldest first, and years apart
    spacing = (children[household] - (place - 2) - draws(seed, "child age", person)) / np.maximum(
        children[household], 1
    )
    child_age = spacing * np.clip(head_age - 18, 0.5, OLDEST_CHILD)
    birth = np.select([place == 0, place == 1], [head_birth, partner_birth], on[household] - child_age * YEAR)
    head_is_female = draws(seed, "sex", person - place) < head_female[household]
    girl = draws(seed, "sex", person) < GIRLS
    female = np.select([place == 0, place == 1], [head_is_female, ~head_is_female], girl)
    sex = np.where(female, "F", "M").astype(object)
    origin = households["origin"].to_numpy()[household]
    partner = np.flatnonzero(place == 1)
    own_name = partner[draws(seed, "keeps own name", person[partner]) < 0.2]
    family_name = households["family_name"].to_numpy()[household]
    family_name[own_name] = names.family_names(origin[own_name], draws(seed, "own family name", person[own_name]))
    return pl.DataFrame(
        {
            "person": person,
            "part": households["part"].to_numpy()[household],
            "household": household,
            "place": place,
            "sex": sex,
            "birth": birth.astype(np.int64),
            "nationality": households["country"].to_numpy()[household],
            "group": households["group"].to_numpy()[household],
            "fine_group": households["fine_group"].to_numpy()[household],
            "origin": origin,
            "given_name": names.given_names(origin, sex, draws(seed, "given name", person)),
            "family_name": family_name,
            "mother": np.full(len(person), -1, dtype=np.int64),
        },
        schema_overrides=dict.fromkeys(
            ["sex", "nationality", "group", "fine_group", "origin", "given_name", "family_name"], pl.String
        ),
    )


def born_abroad(people: pl.DataFrame, ancestry: NDArray[np.object_], abroad: NDArray[np.bool_]) -> pl.DataFrame:
    """Add the country of birth: that of the household for those born abroad."""
    country = np.where(abroad, ancestry[people["household"].to_numpy()], "GB").astype(object)
    return people.with_columns(country_of_birth=pl.Series(country, dtype=pl.String))
