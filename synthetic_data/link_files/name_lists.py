"""Names of people, streets and towns, in order of rank, with weights that fall like the law of Zipf and Mandelbrot.

Given and family names are those of the simulated country, pooled into a few groups, and then made-up ones (from the
parts in `name_parts.toml`): how many people share a name is what tells namesakes from one person.
"""

import tomllib
from functools import cache
from importlib import resources
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.tables import table
from synthetic_data.numbers.draws import Floats, draws, pick

GROUPS = {
    "northern": ("english", "irish", "germanic", "nordic", "dutch"),
    "spanish": ("spanish", "portuguese"),
    "eastern": ("chinese", "vietnamese", "korean", "filipino", "japanese"),
    "indian": ("indian", "pakistani", "bengali"),
    "southern": ("italian", "greek", "arabic", "polish", "south_slavic", "west_african"),
}
"""Each group of names, and the origins of names in it."""


@cache
def given_names(group: str, sex: str) -> tuple[str, ...]:
    """Return the given names of a group and sex (F or M), the most frequent first."""
    of_group = table("given_names").filter(pl.col("origin").is_in(GROUPS[group]), pl.col("sex") == sex)
    return _by_rank(of_group, _made_up("given_names", sex))


@cache
def family_names(group: str) -> tuple[str, ...]:
    """Return the family names of a group, the most frequent first."""
    of_group = table("family_names").filter(pl.col("origin").is_in(GROUPS[group]))
    return _by_rank(of_group, _made_up("family_names", group))


@cache
def streets() -> tuple[str, ...]:
    """Return the names of streets, without their types, the most frequent first."""
    parts = _parts()["streets"]
    return tuple(first + last for last, first in product(parts["end"], parts["begin"].split()))


@cache
def towns() -> tuple[str, ...]:
    """Return the names of towns, in no order."""
    return _made_up("towns")


def ranked(names: tuple[str, ...], uniform: Floats, *, shift: float, slope: float) -> NDArray[np.object_]:
    """Return the name that each draw falls on: rank r has the weight (r + shift) to the power of minus slope."""
    weights = (np.arange(1, len(names) + 1) + shift) ** -slope
    return np.array(names, dtype=object)[pick(uniform, weights)]


def _by_rank(of_group: pl.DataFrame, made_up: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all origins of a group, by rank within their origin, and then made-up ones."""
    ranks = of_group.with_columns(pl.col("name").cum_count().over("origin").alias("rank"))
    return tuple(dict.fromkeys([*ranks.sort("rank", maintain_order=True)["name"], *made_up]))


@cache
def _parts() -> dict[str, Any]:
    return tomllib.loads((resources.files("synthetic_data.link_files") / "name_parts.toml").read_text("utf-8"))


def _made_up(*path: str) -> tuple[str, ...]:
    """Return all names that can be made of some parts, in a random order that is always the same."""
    parts = _parts()
    for step in path:
        parts = parts[step]
    both = product(parts["begin"].split(), parts["end"].split())
    every = np.array([first + last for first, last in both], dtype=object)
    return tuple(every[np.argsort(draws(0, "/".join(path), np.arange(len(every))), kind="stable")])
