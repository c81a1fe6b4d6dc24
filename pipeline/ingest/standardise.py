"""One standard form of names, postcodes, numbers and dates, the same for every source.

Pseudonyms can only be compared for equality, so whatever two sources write differently must be brought to one form
before it is hashed. All functions take and return Polars expressions of text; missing or empty gives null.
"""

from collections.abc import Sequence

import polars as pl

from pipeline.ingest.names import plain_letters

TITLES = ("MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "PROFESSOR", "REV", "SIR", "LADY", "LORD", "DAME")

_INWARD_CODE = 3  # characters of a postcode after its outward code
_SHORTEST_POSTCODE = 5
_OUTWARD = "^[A-Z]{1,2}[0-9][A-Z0-9]?$"


def known(text: pl.Expr, missing: Sequence[str] = ()) -> pl.Expr:
    """Return a text without leading and trailing blanks, null where nothing or one of the texts `missing` is left."""
    trimmed = text.str.strip_chars()
    return pl.when((trimmed.str.len_bytes() > 0) & ~trimmed.is_in(list(missing))).then(trimmed)


def standard_name(text: pl.Expr) -> pl.Expr:
    """Return a name as its parts in upper case, one space between: `Dr. José O'Neill-Śmith` -> `JOSE ONEILL SMITH`.

    Accents, apostrophes, digits and titles are removed; hyphens, full stops and other signs become spaces. Letters of
    other scripts are kept with their vowel and tone signs, in composed form, except signs that writers leave out. A
    name that consists of titles keeps the last: Lord can be a family name.
    """
    without_titles = plain_letters(text).str.replace(rf"^(?:(?:{'|'.join(TITLES)}) )+", "")
    return known(without_titles)


def joined_name(name: pl.Expr) -> pl.Expr:
    """Return a standard name without its spaces, so that `MARY ANN` and `MARYANN` are equal."""
    return name.str.replace_all(" ", "", literal=True)


def first_part(name: pl.Expr) -> pl.Expr:
    """Return the first part of a standard name."""
    return name.str.extract(r"^([^ ]+)")


def sorted_parts(*names: pl.Expr) -> pl.Expr:
    """Return all parts of several standard names in alphabetical order; null if one of the names is null."""
    return pl.concat_str(*names, separator=" ").str.split(" ").list.sort().list.join(" ")


def standard_postcode(text: pl.Expr) -> pl.Expr:
    """Return a postcode in upper case without spaces and punctuation: `sw1a 1aa` -> `SW1A1AA`."""
    return known(text.str.to_uppercase().str.replace_all("[^0-9A-Z]", ""))


def full_postcode(postcode: pl.Expr) -> pl.Expr:
    """Return a standard postcode of any country, null if it is only the outward code of a British one."""
    return pl.when(~postcode.str.contains(_OUTWARD)).then(postcode)


def outward_code(postcode: pl.Expr) -> pl.Expr:
    """Return the outward code (district) of a standard postcode: `SW1A1AA` -> `SW1A`."""
    whole = postcode.str.len_bytes() >= _SHORTEST_POSTCODE
    return pl.when(whole).then(postcode.str.head(-_INWARD_CODE)).otherwise(postcode)


def standard_number(text: pl.Expr) -> pl.Expr:
    """Return a direct identifier in upper case without blanks: `943 476 5919` -> `9434765919`."""
    return known(text.str.replace_all(r"\s", "").str.to_uppercase())
