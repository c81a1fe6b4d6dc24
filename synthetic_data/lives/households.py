"""Households and their members, whether first residents or newcomers: keys, names, ages and places.

A household is a set of people who move and migrate together. Frames have one row per household or person, and other
modules refer to rows by number; `key` and `person` never depend on how many others there are (`numbering`).

households: key, part (0 to 9), migrant_group (number in `MIGRANT_GROUPS`, `RESIDENT` or `GHOST`), group, fine_group,
    country (nationality), origin (of names), family_name, head_birth, course_begin, course_end (of a student from
    abroad), overstays, and three stays at most: arrive, leave, arrive_again, leave_again, arrive_third, leave_third
    (days; `NEVER` where nothing happens).
people: person, part, household (row), place (0 head, 1 partner, 2.. children), sex, birth, nationality, group,
    fine_group, country_of_birth, origin, given_name, family_name, mother (row or -1), and what later modules
    add: own_household, leaves_home, joint_household, married, married_name, twin, naturalised, visa_national, death
    and ghost.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import names
from synthetic_data.country.migrant_groups import GROUP_OF
from synthetic_data.lives.membership import SPELLS
from synthetic_data.lives.numbering import PART_BITS, PLACES
from synthetic_data.numbers.days import NEVER, YEAR
from synthetic_data.numbers.draws import Floats, draws
from synthetic_data.numbers.labels import Labels
from synthetic_data.numbers.runs import numbered

DAYS = ("course_begin", "course_end", *(day for spell in SPELLS for day in spell))
GIRLS = 0.488
OLDEST_CHILD = 21


def stacked(made: list[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all households and all people, with household rows shifted to the stacked frame.

    Each column is in one chunk: columns are read many times, which is costly in chunks.
    """
    starts = np.cumsum([0, *(len(households) for households, _ in made[:-1])])
    people = [
        one.with_columns(pl.col("household") + int(start)) for (_, one), start in zip(made, starts, strict=True)
    ]
    return pl.concat([households for households, _ in made], rechunk=True), pl.concat(people, rechunk=True)


def nationalities(seed: int, keys: NDArray[np.int64], fine: Labels) -> Labels:
    """Return a country for each household, drawn from the countries of its fine group by their resident numbers."""
    country = np.empty(len(keys), dtype=np.int8)
    uniform = draws(seed, "country", keys)
    for group in fine.texts:
        those = np.flatnonzero(fine.are(group))
        country[those] = names.countries(group, "residents", uniform[those])
    return Labels(names.COUNTRIES, country)


def households_of(
    seed: int,
    keys: NDArray[np.int64],
    migrant_group: NDArray[np.int64],
    fine: Labels,
    country: Labels,
    ancestry: Labels,
    head_birth: NDArray[np.int64],
) -> pl.DataFrame:
    """Return households to which nothing has happened yet."""
    origin = names.origin_of(ancestry, draws(seed, "name origin", keys))
    never = np.full(len(keys), NEVER)
    return pl.DataFrame({
        "key": keys,
        "part": keys >> PART_BITS,
        "migrant_group": migrant_group,
        "fine_group": fine.series("fine_group"),
        "country": country.series("country"),
        "origin": origin.series("origin"),
        "family_name": names.family_names(origin, draws(seed, "family name", keys)),
        "head_birth": head_birth,
        "overstays": np.zeros(len(keys), dtype=bool),
        **dict.fromkeys(DAYS, never),
        "group": Labels.looked_up([GROUP_OF[one] for one in fine.texts], fine.numbers).series("group"),
    })  # fmt: skip


def people_of(
    seed: int,
    households: pl.DataFrame,
    adults: NDArray[np.int64],
    children: NDArray[np.int64],
    on: NDArray[np.int64],
    head_female: Floats,
    wanted: NDArray[np.int64] | None = None,
) -> pl.DataFrame:
    """Return the members of households on the day `on` of each, all with the household's nationality.

    At most `wanted` members of each household are returned, adults first.
    """
    members = adults + children if wanted is None else np.minimum(adults + children, wanted)
    household = np.repeat(np.arange(len(households)), members)
    of = households.select("key", "part", "head_birth", "country", "group", "fine_group", "family_name")[household]
    adults, children, on = adults[household], children[household], on[household]
    within = numbered(household)
    place = np.where(within < adults, within, within - adults + 2)
    person = of["key"].to_numpy() * PLACES + place
    birth = of["head_birth"].to_numpy().copy()
    is_child = place >= 2
    # partners share the draw of the head
    uniform = draws(seed, "sex", np.where(is_child, person, person - place))
    female = uniform < np.where(is_child, GIRLS, head_female[household])
    partner = np.flatnonzero(place == 1)
    apart = (draws(seed, "partner age", person[partner]) - 0.5) * 6 * YEAR
    birth[partner] = np.minimum(birth[partner] + apart, on[partner] - 18 * YEAR)
    female[partner] = ~female[partner]
    child = np.flatnonzero(is_child)
    head_age = (on[child] - birth[child]) / YEAR
    # the eldest first, years apart
    spacing = children[child] - (place[child] - 2) - draws(seed, "child age", person[child])
    child_age = spacing / children[child] * np.clip(head_age - 18, 0.5, OLDEST_CHILD)
    birth[child] = on[child] - child_age * YEAR
    origin = Labels.of(households["origin"], names.ORIGINS)[household]
    own_name = partner[draws(seed, "keeps own name", person[partner]) < 0.2]
    own = names.family_names(origin[own_name], draws(seed, "own family name", person[own_name]))
    return pl.DataFrame({
        "person": person,
        "part": of["part"],
        "household": household,
        "place": place,
        "sex": sexes(female),
        "birth": birth,
        "nationality": of["country"],
        "group": of["group"],
        "fine_group": of["fine_group"],
        "origin": origin.series("origin"),
        "given_name": names.given_names(origin, female, draws(seed, "given name", person)),
        "family_name": of["family_name"].scatter(own_name, own),
        "mother": np.full(len(person), -1, dtype=np.int64),
    })  # fmt: skip


def sexes(female: NDArray[np.bool_]) -> pl.Series:
    """Return `F` or `M` for each person."""
    return Labels(("M", "F"), female.view(np.int8)).series("sex")


def born_abroad(people: pl.DataFrame, ancestry: Labels, abroad: NDArray[np.bool_]) -> pl.DataFrame:
    """Add `country_of_birth`: the household's country for those born abroad, else GB."""
    country = ancestry[people["household"].to_numpy()].changed(~abroad, "GB")
    return people.with_columns(country.series("country_of_birth"))
