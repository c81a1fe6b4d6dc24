"""What a source holds of a person: the names, date of birth, sex and postcode that it believes."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import Days, draws, exponential
from synthetic_data.errors import Errors, proneness
from synthetic_data.mistakes import misspelt, wrong_birth
from synthetic_data.residence import Lives

SEX_NUMBERS = {"M": "1", "F": "2"}
IN_CAPITALS = ("activity", "exit_checks", "mws")
"""Sources that write names in capital letters."""


def identity(lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64]) -> pl.DataFrame:
    """Return `given_name, family_name, sex, birth` (day) of each person (row) as the source holds them.

    A source makes an error once and keeps it: the same person has the same errors in all of its rows.
    """
    entities = lives.person[rows]
    held = lives.people[rows].select("given_name", "family_name", "sex", "birth", "origin")
    prone = proneness(errors, lives.seed, entities)
    foreign = ~held["origin"].is_in(["english", "irish"]).to_numpy()
    rate = errors.misspelt_rate(source) * prone * np.where(foreign, errors.names.foreign_factor, 1.0)
    for part in ("given_name", "family_name"):
        stream = f"{source} {part}"
        wrong = np.flatnonzero(draws(lives.seed, f"{stream} misspelt", entities) < rate)
        if len(wrong):
            as_written = misspelt(held[part][wrong], lives.seed, stream, entities[wrong], errors.by_sound(source))
            held = held.with_columns(held[part].scatter(wrong, as_written))
    birth = held["birth"].to_numpy().copy()
    wrong = draws(lives.seed, f"{source} birth", entities) < errors.wrong_birth_rate(source) * prone
    birth[wrong] = wrong_birth(birth[wrong], lives.seed, f"{source} birth", entities[wrong])
    if source in IN_CAPITALS:
        held = held.with_columns(pl.col("given_name", "family_name").str.to_uppercase())
    return held.with_columns(birth=pl.Series(birth)).drop("origin")


def postcode(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], days: Days, stale: float | None = None
) -> pl.Series:
    """Return the postcode that a source holds of each person on a day; `stale` overrides the share of old ones."""
    share, mean_days = errors.stale_addresses(source)
    share = share if stale is None else stale
    entities = lives.person[rows]
    old = draws(lives.seed, f"{source} stale", entities) < share
    lag = exponential(draws(lives.seed, f"{source} lag", entities), mean_days)
    at = lives.postcode_at(rows, days - np.where(old, lag, 0).astype(np.int64))
    return pl.Series("postcode", lives.postcodes[at], dtype=pl.String)


def code(countries: pl.Series, column: str) -> pl.Series:
    """Return how a source writes each country: a column of the table of countries."""
    known = table("countries").filter(pl.col(column).is_not_null())
    return countries.replace_strict(known["country"], known[column], default=None, return_dtype=pl.String)


def sex_number(sex: pl.Series) -> pl.Series:
    """Return the sexes as the NHS and HESA write them."""
    return sex.replace_strict(SEX_NUMBERS, return_dtype=pl.String)
