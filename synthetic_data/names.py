"""Names by origin and sex, from tables in order of rank, drawn with weights that fall like Zipf's law.

How people of an origin are named stands in `tables/name_customs.csv`: whether the family name comes first, the
shares of people with several given names and with two family names, which of the two is the main one, and whether
people with a single name are usual. The orders and customs are well known; the shares are assumptions. One draw
gives the whole name: the second name is drawn with a hash of it.
"""

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import Floats, draws, pick
from synthetic_data.labels import Labels

ZIPF = 0.75
"""Weight of rank r is r to the power of minus this: a few common names and a long tail of rare ones."""
ORIGINS = tuple(table("name_customs")["origin"])
COUNTRIES = tuple(table("countries")["country"])
_WHOLE = 2**53
"""A uniform draw times this is a whole number, and so an entity of further draws."""


def given_names(origins: Labels, female: NDArray[np.bool_], uniform: Floats) -> pl.Series:
    """Return the given names of each person: `origins` of the family, among `ORIGINS`, and one uniform draw each."""
    group = 2 * origins.numbers.astype(np.int64) + ~female
    return _drawn("given_names", ("origin", "sex"), group, _share("several_given_names", origins), uniform)


def family_names(origins: Labels, uniform: Floats) -> pl.Series:
    """Return a family name, or two, for each household."""
    return _drawn("family_names", ("origin",), origins.numbers, _share("two_family_names", origins), uniform)


def _share(custom: str, origins: Labels) -> Floats:
    return table("name_customs")[custom].to_numpy()[origins.numbers]


def _drawn(
    names: str, keys: tuple[str, ...], group: NDArray[np.integer], second: Floats, uniform: Floats
) -> pl.Series:
    """Return a name of its group for each draw, and with the chance `second` another one after it."""
    known, begin, number = _names_of_groups(names, keys)
    begin, number = begin[group], number[group]
    first = begin + _ranks(number, uniform)
    some = np.flatnonzero(second)
    entity = (uniform[some] * _WHOLE).astype(np.int64)
    two = draws(0, "has a second name", entity) < second[some]
    some = some[two]
    other = begin[some] + _ranks(number[some], draws(0, "second name", entity[two]))
    some, other = some[differ := other != first[some]], other[differ]
    drawn = known[first]
    return drawn.scatter(some, drawn[some] + " " + known[other]) if len(some) else drawn


@cache
def _names_of_groups(names: str, keys: tuple[str, ...]) -> tuple[pl.Series, NDArray[np.int64], NDArray[np.int64]]:
    """Return the names of a table by group, then rank: the first of each group, and how many it has."""
    in_order = table(names).with_columns(pl.col("origin").cast(pl.Enum(ORIGINS))).sort(keys, maintain_order=True)
    number = in_order.group_by(keys, maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    return in_order["name"], np.cumsum(number) - number, number


def _ranks(number: NDArray[np.int64], uniform: Floats) -> NDArray[np.int64]:
    """Return the rank, from 0 on, that each draw falls on among a number of names."""
    ranks = np.empty(len(number), dtype=np.int64)
    for one in np.flatnonzero(np.bincount(number)):
        those = np.flatnonzero(number == one)
        ranks[those] = pick(uniform[those], np.arange(1, one + 1) ** -ZIPF)
    return ranks


def countries(fine_group: str, weights: str, uniform: Floats) -> NDArray[np.int8]:
    """Return a country (number in `COUNTRIES`) of a finer group for each draw; `weights` names a column."""
    known = table("countries")
    of_group = np.flatnonzero(known["fine_group"] == fine_group)
    return of_group[pick(uniform, known[weights].to_numpy()[of_group])].astype(np.int8)


def origin_of(country: Labels, uniform: Floats) -> Labels:
    """Return the origin of names for each country and draw: the country's main one, or sometimes its other one."""
    known = table("countries").with_columns(pl.col("other_origin").fill_null(pl.col("name_origin")))
    main, other = (Labels.of(known[name], ORIGINS).numbers for name in ("name_origin", "other_origin"))
    share = known["other_share"].fill_null(0.0).to_numpy()[country.numbers]
    return Labels(ORIGINS, np.where(uniform < share, other[country.numbers], main[country.numbers]))
