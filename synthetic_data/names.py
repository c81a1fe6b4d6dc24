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

ZIPF = 0.75
"""Weight of rank r is r to the power of minus this: a few common names and a long tail of rare ones."""
_WHOLE = 2**53
"""A uniform draw times this is a whole number, and so an entity of further draws."""


def given_names(origins: NDArray[np.object_], sexes: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return the given names of each person: `origins` of the family, `sexes` F or M, one uniform draw each."""
    return _of_groups("given_names", {"origin": origins, "sex": sexes}, uniform, "several_given_names")


def family_names(origins: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return a family name, or two, for each household."""
    return _of_groups("family_names", {"origin": origins}, uniform, "two_family_names")


def _of_groups(
    names: str, groups: dict[str, NDArray[np.object_]], uniform: Floats, custom: str
) -> NDArray[np.object_]:
    """Return a name for each draw from the table `names`, by the columns that tell its groups apart."""
    keys = pl.DataFrame(groups, schema=dict.fromkeys(groups, pl.String)).select(_key(*groups)).to_series()
    of_group = _names_of_groups(names, *groups)
    kind = keys.cast(pl.Enum(list(of_group))).to_physical().to_numpy()
    second = dict(table("name_customs").select("origin", custom).iter_rows())
    order = np.argsort(kind, kind="stable")
    ends = np.searchsorted(kind[order], np.arange(len(of_group)), side="right")
    drawn = np.empty(len(uniform), dtype=object)
    for (group, known), those in zip(of_group.items(), np.split(order, ends[:-1]), strict=True):
        if len(those):
            drawn[those] = _drawn(known, uniform[those], second.get(group.split()[0], 0.0))
    return drawn


def _key(*groups: str) -> pl.Expr:
    return pl.concat_str(*groups, separator=" ")


@cache
def _names_of_groups(names: str, *groups: str) -> dict[str, NDArray[np.object_]]:
    """Return the names of each group of a table, in order of rank."""
    of_group = table(names).group_by(_key(*groups).alias("key"), maintain_order=True).agg("name")
    return {key: np.array(known, dtype=object) for key, known in of_group.iter_rows()}


def _drawn(names: NDArray[np.object_], uniform: Floats, second: float) -> NDArray[np.object_]:
    """Return a name for each draw, and a share of `second` with another one after it."""
    weights = np.arange(1, len(names) + 1) ** -ZIPF
    first = pick(uniform, weights)
    drawn = names[first]
    if second and len(uniform):
        entity = (uniform * _WHOLE).astype(np.int64)
        has_two = np.flatnonzero(draws(0, "has a second name", entity) < second)
        other = pick(draws(0, "second name", entity[has_two]), weights)
        has_two, other = has_two[differ := other != first[has_two]], other[differ]
        drawn[has_two] = drawn[has_two] + " " + names[other]
    return drawn


def countries(fine_group: str, weights: str, uniform: Floats) -> NDArray[np.object_]:
    """Return a country (ISO 3166-1 alpha-2) of a finer group for each draw; `weights` names a column."""
    of_group = table("countries").filter(pl.col("fine_group") == fine_group)
    return of_group["country"].to_numpy()[pick(uniform, of_group[weights].to_numpy())]


def origin_of(country: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return the origin of names for each country and draw: the country's main one, or sometimes its other one."""
    known = table("countries")
    index = pl.Series(country, dtype=pl.String).replace_strict(known["country"], np.arange(len(known))).to_numpy()
    main, other = (known[name].to_numpy()[index] for name in ("name_origin", "other_origin"))
    return np.where(uniform < known["other_share"].fill_null(0.0).to_numpy()[index], other, main)
