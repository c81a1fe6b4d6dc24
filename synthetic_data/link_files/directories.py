"""Directories with Australian addresses: two of the same people, or one that has people several times."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from synthetic_data.link_files import mistakes
from synthetic_data.link_files.careless import with_some_mistakes
from synthetic_data.link_files.households import Country, people
from synthetic_data.link_files.link_file import (
    IDENTIFIES_ROW,
    IGNORED,
    SERIAL,
    Columns,
    LinkFile,
    date_of_birth,
    describes,
)
from synthetic_data.link_files.mistakes import Mistake
from synthetic_data.numbers.draws import draws, pick

AUSTRALIA = Country(320, 1, digits=4, states=("nsw", "vic", "qld", "wa", "sa", "tas", "act", "nt"))
COLUMNS: Columns = {
    SERIAL: IDENTIFIES_ROW,
    "given_name": describes("given_name"),
    "surname": describes("family_name"),
    "street_number": describes("house"),
    "address_1": describes("street"),
    "address_2": IGNORED,
    "suburb": describes("locality"),
    "postcode": describes("postcode", pattern="[0-9]{4}"),
    "state": IGNORED,
    "date_of_birth": date_of_birth("%Y%m%d"),
}
EMPTY = {
    "given_name": 0.02, "surname": 0.01, "street_number": 0.04, "address_1": 0.02, "address_2": 0.35, "suburb": 0.01,
    "postcode": 0.01, "state": 0.02, "date_of_birth": 0.02,
}  # fmt: skip
"""The share of the originals in which a column is empty."""
_OF_A_WORD = (
    mistakes.neighbouring_key, mistakes.letter_added, mistakes.letter_left_out, mistakes.letters_swapped,
    mistakes.misread, mistakes.misheard, mistakes.missing,
)  # fmt: skip
_OF_A_NUMBER = (mistakes.wrong_digit, mistakes.letter_added, mistakes.letter_left_out, mistakes.missing)
_OF_A_POSTCODE = (
    mistakes.wrong_digit, mistakes.wrong_digit, mistakes.letters_swapped, mistakes.digit_as_letter, mistakes.missing,
)  # fmt: skip
_OF_A_DATE = (
    mistakes.wrong_digit, mistakes.wrong_digit, mistakes.month_and_day_swapped, mistakes.letters_swapped,
    mistakes.impossible_date, mistakes.missing,
)  # fmt: skip
MISTAKES: Mapping[str, tuple[float, Sequence[Mistake]]] = {
    "given_name": (0.18, _OF_A_WORD),
    "surname": (0.2, _OF_A_WORD),
    "street_number": (0.1, _OF_A_NUMBER),
    "address_1": (0.14, _OF_A_WORD),
    "address_2": (0.08, _OF_A_WORD),
    "suburb": (0.1, _OF_A_WORD),
    "postcode": (0.08, _OF_A_POSTCODE),
    "state": (0.03, (mistakes.missing, mistakes.neighbouring_key)),
    "date_of_birth": (0.09, _OF_A_DATE),
}
"""The weight and the mistakes of each column of a duplicate."""
EXCHANGED = {"given_name": "surname", "surname": "given_name", "address_1": "address_2", "address_2": "address_1"}
DUPLICATES = (0.5, 0.25, 0.15, 0.1)
"""The shares of people with one duplicate, two, three and four."""
BUILDINGS = ("villa", "unit", "flat", "block", "rosedale", "the pines", "lot", "parklea")


def two_files(seed: int, number: int) -> list[LinkFile]:
    """Return two directories of the same people: originals, and a duplicate of each with one to four mistakes."""
    originals, person = _originals(seed, number, one_in=8), np.arange(number)
    copies = with_some_mistakes(originals, MISTAKES, EXCHANGED, person, seed)
    both = {"a": originals, "b": copies}
    return [LinkFile.shuffled(name, rows, COLUMNS, person, person, seed) for name, rows in both.items()]


def dedupe(seed: int, number: int) -> list[LinkFile]:
    """Return one directory with an original and one to four duplicates of each person."""
    originals, person = _originals(seed, number, one_in=40), np.arange(number)
    copied = np.repeat(person, 1 + pick(draws(seed, "duplicates", person), DUPLICATES))
    copies = with_some_mistakes(originals[copied], MISTAKES, EXCHANGED, np.arange(len(copied)), seed)
    who = np.append(person, copied)
    return [LinkFile.shuffled("a", pl.concat([originals, copies]), COLUMNS, who, who, seed)]


def _originals(seed: int, number: int, one_in: int) -> pl.DataFrame:
    """Return the directory of `number` people, one in several of a larger population, so that few live together."""
    everyone = np.arange(one_in * number)
    listed = np.sort(np.argsort(draws(seed, "listed", everyone), kind="stable")[:number])
    known = people(seed, len(everyone), AUSTRALIA)[listed]
    row = np.arange(number)
    building = pl.Series(np.array(BUILDINGS)[(draws(seed, "building", row) * len(BUILDINGS)).astype(np.int64)])
    in_a_block = pl.concat_str(building, pl.lit(" "), "unit")
    rows = known.select(
        pl.col("given_name").str.to_lowercase(),
        pl.col("family_name").str.to_lowercase().alias("surname"),
        pl.col("house").alias("street_number"),
        pl.col("street").str.to_lowercase().alias("address_1"),
        pl.when(pl.col("unit") != "").then(in_a_block).otherwise(building).alias("address_2"),
        pl.col("town").str.to_lowercase().alias("suburb"),
        "postcode",
        "state",
        pl.col("born").dt.strftime("%Y%m%d").alias("date_of_birth"),
    )
    filled = {name: pl.Series(draws(seed, f"{name} empty", row) >= share) for name, share in EMPTY.items()}
    return rows.with_columns(
        pl.when(known).then(name).otherwise(pl.lit("")).alias(name) for name, known in filled.items()
    )
