"""The CSV tables of the country, and how they are read."""

from functools import cache
from importlib import resources

import polars as pl


@cache
def table(name: str) -> pl.DataFrame:
    """Return the table in the file `name`.csv of this folder."""
    text = (resources.files("synthetic_data.country.tables") / f"{name}.csv").read_bytes()
    return pl.read_csv(text, null_values="")
