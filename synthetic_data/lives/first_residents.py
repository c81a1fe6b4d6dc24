"""Who lives here on the first day: households by kind and age, with their nationality and country of origin."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import names
from synthetic_data.country.geography import part_residents
from synthetic_data.country.migrant_groups import RESIDENT
from synthetic_data.country.rates import FIRST_SHARES, NATURALISED, NATURALISED_BEFORE
from synthetic_data.country.tables import table
from synthetic_data.lives.households import born_abroad, households_of, nationalities, people_of
from synthetic_data.lives.numbering import PART_BITS, first_keys
from synthetic_data.numbers.days import FIRST_DAY, LONG_AGO, YEAR
from synthetic_data.numbers.draws import Floats, between, draws, exponential, pick
from synthetic_data.numbers.labels import Labels

FOREIGN_ANCESTRY = 0.06
"""Share of British-born households with names from another country."""


def residents(seed: int, number: int, parts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people on the first day, in the given parts of a country of `number` residents.

    Their migration is added later.
    """
    of_part = np.array(part_residents(number))
    keys = np.concatenate([first_keys(part, RESIDENT, int(of_part[part] / 1.4) + 10) for part in parts])
    fine, naturalised = _first_groups(draws(seed, "group", keys), keys >> PART_BITS)
    kind = _kinds(draws(seed, "household type", keys), fine.are("British"), naturalised)
    types = table("households")
    before = _within_part(keys >> PART_BITS, (types["adults"] + types["children"]).to_numpy()[kind])
    here = np.flatnonzero(before < of_part[keys >> PART_BITS])
    keys, fine, naturalised, kind, before = keys[here], fine[here], naturalised[here], kind[here], before[here]
    british = fine.are("British")
    head_from, head_to, adults, children, head_female = (
        types[name].to_numpy()[kind] for name in ("head_from", "head_to", "adults", "children", "head_female")
    )
    head_age = between(draws(seed, "head age", keys), head_from, head_to)
    country = nationalities(seed, keys, fine)
    ancestry = country.numbers.copy()
    named = np.flatnonzero(british & (naturalised | (draws(seed, "ancestry", keys) < FOREIGN_ANCESTRY)))
    ancestry[named] = names.countries("non_EU", "residents", draws(seed, "ancestry country", keys[named]))
    ancestry = Labels(names.COUNTRIES, ancestry)
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = households_of(
        seed, keys, np.full(len(keys), RESIDENT), fine, country, ancestry, head_birth
    ).with_columns(arrive=pl.Series(_arrivals(seed, keys, head_age, ~british, naturalised)))
    wanted = of_part[keys >> PART_BITS] - before
    people = people_of(seed, households, adults, children, np.full(len(keys), FIRST_DAY), head_female, wanted)
    # children of households from abroad may have been born after the household arrived
    abroad = households["arrive"].to_numpy()[people["household"].to_numpy()] > people["birth"].to_numpy()
    return households, _british_if_born_here(born_abroad(people, ancestry, abroad), abroad)


def _within_part(part: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of the sizes before each row in its part; rows of a part are adjacent."""
    before = np.cumsum(sizes) - sizes
    return before - before[np.searchsorted(part, part)]


def _first_groups(uniform: Floats, part: NDArray[np.int64]) -> tuple[Labels, NDArray[np.bool_]]:
    """Return the fine nationality group of each household on the first day, and who had already become British."""
    groups = np.empty(len(part), dtype=np.int8)
    for one in np.unique(part):
        those = part == one
        shares = np.array([*FIRST_SHARES.values(), NATURALISED]) * table("areas")["born_abroad"][int(one)]
        groups[those] = pick(uniform[those], [*shares, 1 - shares.sum()])
    fine = Labels.looked_up([*FIRST_SHARES, "British", "British"], groups)
    return fine, groups == len(FIRST_SHARES)


def _kinds(uniform: Floats, british: NDArray[np.bool_], naturalised: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the kind of each household (row of the table of households), by nationality and naturalisation."""
    kind = np.empty(len(uniform), dtype=np.int64)
    for column, those in {"naturalised": naturalised, "british": british & ~naturalised, "foreign": ~british}.items():
        kind[those] = pick(uniform[those], table("households")[column].to_numpy())
    return kind


def _arrivals(
    seed: int, keys: NDArray[np.int64], head_age: Floats, foreign: NDArray[np.bool_], naturalised: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the day on which each household came, or `LONG_AGO` for those born here."""
    arrive = np.full(len(keys), LONG_AGO)
    came = np.flatnonzero(foreign | naturalised)
    head_age, naturalised = head_age[came], naturalised[came]
    since = np.minimum(exponential(draws(seed, "years since arrival", keys[came]), 9.0), head_age - 16.5)
    since = np.where(naturalised, np.minimum(since + NATURALISED_BEFORE, head_age - 0.5), since) * YEAR
    arrive[came] = FIRST_DAY - 20 - since
    return arrive


def _british_if_born_here(people: pl.DataFrame, abroad: NDArray[np.bool_]) -> pl.DataFrame:
    """Make children of foreign households who were born here before 2010 British.

    Most parents had settled, and no source distinguishes the others: birth records name mothers only from 2010.
    """
    rows = np.flatnonzero(~abroad & (people["group"] != "British").to_numpy())
    british = {"nationality": "GB", "group": "British", "fine_group": "British"}
    return people.with_columns(people[name].scatter(rows, value) for name, value in british.items())
