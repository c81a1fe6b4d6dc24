"""Names by origin and sex, from small tables in order of rank, drawn with weights that fall like Zipf's law."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import Floats, pick

ZIPF = 0.75
"""Weight of rank r is r to the power of minus this: a few common names and a long tail of rare ones."""


def _drawn(names: list[str], uniform: Floats) -> NDArray[np.object_]:
    weights = np.arange(1, len(names) + 1) ** -ZIPF
    return np.array(names, dtype=object)[pick(uniform, weights)]


def given_names(origins: NDArray[np.object_], sexes: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return a given name for each person: `origins` of the family, `sexes` F or M, one uniform draw each."""
    drawn = np.empty(len(uniform), dtype=object)
    for (origin, sex), names in table("given_names").group_by("origin", "sex", maintain_order=True):
        those = (origins == origin) & (sexes == sex)
        drawn[those] = _drawn(names["name"].to_list(), uniform[those])
    return drawn


def family_names(origins: NDArray[np.object_], uniform: Floats) -> NDArray[np.object_]:
    """Return a family name for each household."""
    drawn = np.empty(len(uniform), dtype=object)
    for (origin,), names in table("family_names").group_by("origin", maintain_order=True):
        those = origins == origin
        drawn[those] = _drawn(names["name"].to_list(), uniform[those])
    return drawn


def countries(fine_group: str, weights: str, uniform: Floats) -> NDArray[np.object_]:
    """Return a country (ISO 3166-1 alpha-2) of a finer group for each draw; `weights` names a column."""
    of_group = table("countries").filter(pl.col("fine_group") == fine_group)
    return of_group["country"].to_numpy()[pick(uniform, of_group[weights].to_numpy())]


def origin_of(country: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the origin of names for each country."""
    known = dict(table("countries").select("country", "name_origin").iter_rows())
    codes, index = np.unique(country.astype(str), return_inverse=True)
    return np.array([known[code] for code in codes], dtype=object)[index]
