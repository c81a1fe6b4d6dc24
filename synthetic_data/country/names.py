"""Names by origin and sex, from tables in order of rank, drawn with weights that fall like Zipf's law.

Naming customs by origin are in `tables/name_customs.csv`: whether the family name comes first, the shares of people
with several given names and with two family names, which of the two is the main one, and whether single names are
usual. The orders and customs are well known; the shares are assumptions. One draw gives the whole name: the second
name is drawn with a hash of it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.tables import table
from synthetic_data.numbers.draws import Floats, draws, pick
from synthetic_data.numbers.labels import Labels

ZIPF = 0.75
"""Rank r has weight r to the power of minus this: a few common names and a long tail of rare ones."""
ORIGINS = tuple(table("name_customs")["origin"])
COUNTRIES = tuple(table("countries")["country"])
_STEPS = 2**10
_WHOLE = 2**53
"""A uniform draw times `_WHOLE` is a whole number, so it can be the entity of further draws."""


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
    """Return a name of its group for each draw, followed by another one with probability `second`."""
    lists = _lists(names, keys)
    first = lists.row(group, uniform)
    some = np.flatnonzero(second)
    entity = (uniform[some] * _WHOLE).astype(np.int64)
    two = draws(0, "has a second name", entity) < second[some]
    some = some[two]
    other = lists.row(group[some], draws(0, "second name", entity[two]))
    some, other = some[differ := other != first[some]], other[differ]
    drawn = lists.names[first]
    return drawn.scatter(some, drawn[some] + " " + lists.names[other]) if len(some) else drawn


@dataclass(frozen=True)
class _Lists:
    """The names of a table by group, then rank: of each group, its first row and the index of its length.

    For each length, `ends` are the sums of the weights up to each rank, and `ranks` an index to them: the lowest rank
    on which draws from each of `_STEPS` steps fall (Chen and Asau, 1974). Most draws fall on it.
    """

    names: pl.Series
    begin: NDArray[np.int64]
    length: NDArray[np.int64]
    ends: Floats
    ranks: NDArray[np.int16]

    def row(self, group: NDArray[np.integer], uniform: Floats) -> NDArray[np.int64]:
        """Return the name (row of the table) of its group that each draw falls on."""
        length = self.length[group]
        rank = self.ranks[length, (uniform * _STEPS).astype(np.int64)].astype(np.int64)
        beyond = np.flatnonzero(self.ends[length, rank] <= uniform)
        while len(beyond):
            rank[beyond] += 1
            beyond = beyond[self.ends[length[beyond], rank[beyond]] <= uniform[beyond]]
        return self.begin[group] + rank


@cache
def _lists(names: str, keys: tuple[str, ...]) -> _Lists:
    in_order = table(names).with_columns(pl.col("origin").cast(pl.Enum(ORIGINS))).sort(keys, maintain_order=True)
    number = in_order.group_by(keys, maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    if len(number) != len(ORIGINS) * (2 if "sex" in keys else 1):
        raise ValueError(f"tables/{names}.csv: every origin of tables/name_customs.csv needs names of both sexes.")
    lengths, length = np.unique(number, return_inverse=True)
    ends = np.ones((len(lengths), lengths[-1]))
    for row, one in zip(ends, lengths, strict=True):
        weights = np.cumsum(np.arange(1, one + 1) ** -ZIPF)
        row[:one] = weights / weights[-1]
    steps = np.arange(_STEPS) / _STEPS
    ranks = np.array([np.searchsorted(row, steps, side="right") for row in ends], dtype=np.int16)
    return _Lists(in_order["name"], np.cumsum(number) - number, length, ends, ranks)


def countries(fine_group: str, weights: str, uniform: Floats) -> NDArray[np.int8]:
    """Return a country (number in `COUNTRIES`) of a fine group for each draw; `weights` is a column of the table."""
    known = table("countries")
    of_group = np.flatnonzero(known["fine_group"] == fine_group)
    return of_group[pick(uniform, known[weights].to_numpy()[of_group])].astype(np.int8)


def origin_of(country: Labels, uniform: Floats) -> Labels:
    """Return the origin of names for each country and draw: the country's main one, or sometimes its other one."""
    known = table("countries").with_columns(pl.col("other_origin").fill_null(pl.col("name_origin")))
    main, other = (Labels.of(known[name], ORIGINS).numbers for name in ("name_origin", "other_origin"))
    share = known["other_share"].fill_null(0.0).to_numpy()[country.numbers]
    return Labels(ORIGINS, np.where(uniform < share, other[country.numbers], main[country.numbers]))
