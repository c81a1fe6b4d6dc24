"""The distinct texts of a column: what is derived from a text is computed once, and given to all its rows."""

from collections.abc import Callable

import polars as pl
import pyarrow as pa


def distinct_values(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct texts of a series, and for each row its place among them, null for null."""
    encoded = texts.cast(pl.String).to_arrow().cast(pa.large_string()).dictionary_encode()
    return pl.Series("text", encoded.dictionary, dtype=pl.String), pl.Series("place", encoded.indices)


def of_distinct(texts: pl.Series, function: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return a function of each text, computed once for each distinct one; null for null."""
    distinct, places = distinct_values(texts)
    return function(distinct).gather(places).rename(texts.name)
