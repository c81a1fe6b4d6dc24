"""What a source holds of a person: the names, date of birth, sex and postcode that it believes."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.draws import Days, draws, exponential, scatter
from synthetic_data.errors import Errors, proneness
from synthetic_data.mistakes import misspelt, wrong_birth
from synthetic_data.residence import Lives

SEX_NUMBERS = {"M": "1", "F": "2"}
IN_CAPITALS = ("activity", "exit_checks", "mws")
"""Sources that write names in capital letters."""
HALF = 31_622
"""Numbers of identifiers stay below the square of this, so that nine digits hold them."""
ROUNDS = 4


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


def nhs_numbers(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    """Return an NHS number for each person.

    The last digit is never the right check digit, so that no number can be that of a living person.
    """
    nine = shuffled(lives.seed, "nhs number", rows)
    digits = nine[:, None] // 10 ** np.arange(8, -1, -1) % 10
    check = (11 - digits @ np.arange(10, 1, -1) % 11) % 11
    return _numbered("", nine * 10 + (check + 1) % 10, 10)


def insurance_numbers(lives: Lives, rows: NDArray[np.int64]) -> pl.Series:
    """Return the encrypted National Insurance number of each person: 16 hexadecimal digits."""
    bits = scatter(lives.seed, "encrypted nino", lives.person[rows])
    return pl.Series(bits.astype(">u8").tobytes().hex(" ", 8).upper().split(), dtype=pl.String)


def labels(seed: int, kind: str, rows: NDArray[np.int64], prefix: str, digits: int) -> pl.Series:
    """Return an identifier of a kind for each row: a prefix, then digits that tell nothing about whose it is."""
    return _numbered(prefix, shuffled(seed, kind, rows), digits)


def shuffled(seed: int, kind: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return distinct numbers for distinct rows, in an order of each kind's own: a Feistel network.

    So neither the numbers nor the order of a file by them says who is the same person in two sources.
    """
    left, right = np.divmod(rows, HALF)
    for number in range(ROUNDS):
        mixed = (scatter(seed, f"{kind} {number}", right) % np.uint64(HALF)).astype(np.int64)
        left, right = right, (left + mixed) % HALF
    return left * HALF + right


def _numbered(prefix: str, numbers: NDArray[np.int64], digits: int) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String).str.zfill(digits)).to_series()


def code(countries: pl.Series, column: str) -> pl.Series:
    """Return how a source writes each country: a column of the table of countries."""
    known = table("countries").filter(pl.col(column).is_not_null())
    return countries.replace_strict(known["country"], known[column], default=None, return_dtype=pl.String)


def sex_number(sex: pl.Series) -> pl.Series:
    """Return the sexes as the NHS and HESA write them."""
    return sex.replace_strict(SEX_NUMBERS, return_dtype=pl.String)
