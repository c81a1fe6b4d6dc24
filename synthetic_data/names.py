"""Names by origin and sex, from tables in order of rank, drawn with weights that fall like Zipf's law.

How people of an origin are named stands in `tables/name_customs.csv`: whether the family name comes first, the
shares of people with several given names and with two family names, which of the two is the main one, and whether
people with a single name are usual. The orders and customs are well known; the shares are assumptions. One draw
gives the whole name: the second name is drawn with a hash of it.
"""

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
    drawn = np.empty(len(uniform), dtype=object)
    several = _customs("several_given_names")
    for (origin, sex), names in table("given_names").group_by("origin", "sex", maintain_order=True):
        those = np.flatnonzero((origins == origin) & (sexes == sex))
        drawn[those] = _drawn(names["name"].to_list(), uniform[those], several.get(origin, 0.0))
    return drawn


def family_names(origins: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return a family name, or two, for each household."""
    drawn = np.empty(len(uniform), dtype=object)
    two = _customs("two_family_names")
    for (origin,), names in table("family_names").group_by("origin", maintain_order=True):
        those = np.flatnonzero(origins == origin)
        drawn[those] = _drawn(names["name"].to_list(), uniform[those], two.get(origin, 0.0))
    return drawn


def _drawn(names: list[str], uniform: Floats, second: float) -> NDArray[np.object_]:
    """Return a name for each draw, and a share of `second` with another one after it."""
    weights = np.arange(1, len(names) + 1) ** -ZIPF
    first = pick(uniform, weights)
    drawn = np.array(names, dtype=object)[first]
    if second and len(uniform):
        entity = (uniform * _WHOLE).astype(np.int64)
        other = pick(draws(0, "second name", entity), weights)
        has_two = np.flatnonzero((draws(0, "has a second name", entity) < second) & (other != first))
        drawn[has_two] = drawn[has_two] + " " + np.array(names, dtype=object)[other[has_two]]
    return drawn


def _customs(column: str) -> dict[object, float]:
    return dict(table("name_customs").select("origin", column).iter_rows())


def countries(fine_group: str, weights: str, uniform: Floats) -> NDArray[np.object_]:
    """Return a country (ISO 3166-1 alpha-2) of a finer group for each draw; `weights` names a column."""
    of_group = table("countries").filter(pl.col("fine_group") == fine_group)
    return of_group["country"].to_numpy()[pick(uniform, of_group[weights].to_numpy())]


def origin_of(country: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return the origin of names for each country and draw: the country's main one, or sometimes its other one."""
    known = table("countries").sort("country")
    index = np.searchsorted(known["country"].to_numpy().astype(str), country.astype(str))
    main, other = (known[name].to_numpy()[index] for name in ("name_origin", "other_origin"))
    return np.where(uniform < known["other_share"].fill_null(0.0).to_numpy()[index], other, main)
