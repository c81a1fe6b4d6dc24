"""Who lives here on the first day: households drawn by kind and age, with their groups and where they came from."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import names
from synthetic_data.country import (
    FIRST_SHARES,
    NATURALISED,
    NATURALISED_BEFORE,
    RESIDENT,
    table,
)
from synthetic_data.days import FIRST_DAY, LONG_AGO, YEAR
from synthetic_data.draws import Floats, between, draws, exponential, pick
from synthetic_data.households import born_abroad, first_keys, households_of, nationalities, people_of, stacked
from synthetic_data.places import part_residents

FOREIGN_ANCESTRY = 0.06
"""British households of people born here with names from elsewhere."""


def residents(seed: int, number: int, parts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people on the first day, of the given parts of a country of `number` residents.

    Their migration comes later.
    """
    of_parts = part_residents(number)
    return stacked([_residents_of(seed, part, of_parts[part]) for part in parts])


def _residents_of(seed: int, part: int, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    types = table("households")
    keys = first_keys(part, RESIDENT, int(number / 1.4) + 10)
    factor = table("areas")["born_abroad"][part]
    fine, naturalised = _first_groups(draws(seed, "group", keys), factor)
    british = fine == "British"
    settled = pick(draws(seed, "household type", keys), types["british"].to_numpy())
    foreign = pick(draws(seed, "household type", keys), types["foreign"].to_numpy())
    since_long = pick(draws(seed, "household type", keys), types["naturalised"].to_numpy())
    kind = np.select([naturalised, british], [since_long, settled], foreign)
    adults, children = types["adults"].to_numpy()[kind], types["children"].to_numpy()[kind]
    cut = int(np.searchsorted(np.cumsum(adults + children), number)) + 1
    keys, fine, british, naturalised = keys[:cut], fine[:cut], british[:cut], naturalised[:cut]
    kind, adults, children = kind[:cut], adults[:cut], children[:cut]
    from_age, to_age = types["head_from"].to_numpy()[kind], types["head_to"].to_numpy()[kind]
    head_age = between(draws(seed, "head age", keys), from_age, to_age)
    country = nationalities(seed, keys, fine, "residents")
    elsewhere = names.countries("non_EU", "residents", draws(seed, "ancestry country", keys))
    with_names = british & (naturalised | (draws(seed, "ancestry", keys) < FOREIGN_ANCESTRY))
    ancestry = np.where(with_names, elsewhere, country)
    since = np.minimum(exponential(draws(seed, "years since arrival", keys), 9.0), head_age - 16.5)
    since = np.where(naturalised, np.minimum(since + NATURALISED_BEFORE, head_age - 0.5), since) * YEAR
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = households_of(seed, keys, RESIDENT, fine, country, ancestry, head_birth)
    came = ~british | naturalised
    households = households.with_columns(
        arrive=pl.Series(np.where(came, FIRST_DAY - 20 - since, LONG_AGO).astype(np.int64))
    )
    head_female = types["head_female"].to_numpy()[kind]
    people = people_of(seed, households, adults, children, np.full(cut, FIRST_DAY), head_female).head(number)
    # children of households from abroad may have been born after the household came
    abroad = households["arrive"][people["household"]] > people["birth"]
    people = _british_if_born_here(born_abroad(people, ancestry, abroad.to_numpy()))
    return households, people


def _first_groups(uniform: Floats, factor: float) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return the finer nationality group of each household of the first day, and who has become British before."""
    shares = np.array([*FIRST_SHARES.values(), NATURALISED]) * factor
    labels = np.array([*FIRST_SHARES, "naturalised", "British"], dtype=object)
    drawn = labels[pick(uniform, [*shares, 1 - shares.sum()])]
    return np.where(drawn == "naturalised", "British", drawn), drawn == "naturalised"


def _british_if_born_here(people: pl.DataFrame) -> pl.DataFrame:
    """Make children of foreign households British who were born here before observation begins.

    Most parents had settled, and no source could tell the others: births name mothers from 2010 on only.
    """
    here = pl.col("country_of_birth") == "GB"
    british = {"nationality": "GB", "group": "British", "fine_group": "British"}
    return people.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(name).alias(name) for name, value in british.items()
    )
