"""Changes to finished files: a column spoilt or dropped, names in one column, postcodes of other countries."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipeline.errors import unknown
from synthetic_data.link_files import mistakes
from synthetic_data.link_files.careless import changed
from synthetic_data.link_files.link_file import LinkFile, describes
from synthetic_data.numbers.draws import draws

NAMES = ("given_name", "middle_name", "family_name")
LETTERS, DIGITS = "ABCEGHJKLMNPRSTVWXYZ", "0123456789"
FORMS = ("A0A 0A0", "0000 AA", "AA0 0AA", "000-0000", "00000", "A000 000")
"""Shapes of postcodes: letters, digits, and signs as they are."""
_COMPACT, _SMALL = 0.2, 0.1
"""The shares of rows that write a postcode without its blank, and in small letters."""


def kinds_of(files: Sequence[LinkFile]) -> list[str]:
    """Return the kinds of identifiers that any of the files has, in their order."""
    kinds = (file.kind_of(header) for file in files for header in file.columns)
    return list(dict.fromkeys(kind for kind in kinds if kind is not None))


def spoilt(files: Sequence[LinkFile], kind: str, share: float, seed: int) -> list[LinkFile]:
    """Return files in which identifiers of a kind are useless in a share of the rows of each.

    A third each are missing, unreadable, and another person's. Raises `UserError` if no file has the kind.
    """
    return [_spoilt(file, header, share, seed) if header else file for file, header in _headers(files, kind)]


def dropped(files: Sequence[LinkFile], kind: str) -> list[LinkFile]:
    """Return files without identifiers of a kind; raises `UserError` if none has it."""
    return [
        file.with_rows(file.rows, {name: said for name, said in file.columns.items() if name != header})
        for file, header in _headers(files, kind)
    ]


def with_full_names(files: Sequence[LinkFile]) -> list[LinkFile]:
    """Return files with given, middle and family name in one column."""
    made = []
    for file in files:
        parts = [header for kind in NAMES for header in file.columns if file.kind_of(header) == kind]
        whole = pl.concat_str(parts, separator=" ").str.replace_all(" +", " ").str.strip_chars().alias("full_name")
        columns = {header: said for header, said in file.columns.items() if header not in parts}
        made.append(
            file.with_rows(file.rows.with_columns(whole), columns | {"full_name": describes("full_name")})
            if len(parts) > 1
            else file
        )
    return made


def with_foreign_postcodes(files: Sequence[LinkFile], seed: int) -> list[LinkFile]:
    """Return files whose postcodes have the shapes of several other countries, written with little care."""
    made = []
    for file, header in _headers(files, "postcode"):
        if header is None:
            made.append(file)
            continue
        codes = file.rows[header]
        distinct = codes.unique(maintain_order=True)
        foreign = pl.Series([_foreign(code) for code in distinct], dtype=pl.String)
        written = codes.replace_strict(distinct, foreign)
        care = pl.Series(draws(seed, f"{file.source} postcode written", np.arange(len(codes))))
        compact, small = written.str.replace_all(" ", ""), written.str.to_lowercase()
        kept = compact.zip_with(care < _COMPACT, small.zip_with(care < _COMPACT + _SMALL, written))
        made.append(
            file.with_rows(
                file.rows.with_columns(kept.alias(header)), {**file.columns, header: describes("postcode")}
            )
        )
    return made


def _headers(files: Sequence[LinkFile], kind: str) -> list[tuple[LinkFile, str | None]]:
    """Return each file with its column of a kind, if it has one; raises `UserError` if none has."""
    found = [
        (file, next((header for header in file.columns if file.kind_of(header) == kind), None)) for file in files
    ]
    if all(header is None for _, header in found):
        raise unknown("kind of identifier", kind, kinds_of(files), "the files to link")
    return found


def _spoilt(file: LinkFile, header: str, share: float, seed: int) -> LinkFile:
    cells, row = file.rows[header], np.arange(file.rows.height)
    stream = f"{file.source} {header} spoilt"
    some = np.flatnonzero(draws(seed, stream, row) < share)
    how = (draws(seed, f"{stream} how", some) * 3).astype(np.int64)
    lost, unreadable, exchanged = (some[how == one] for one in range(3))
    other = (draws(seed, f"{stream} by", exchanged) * len(cells)).astype(np.int64)
    first, second = (draws(seed, f"{stream} {which}", unreadable) for which in ("first", "second"))
    mistake = _UNREADABLE.get(file.kind_of(header) or "", mistakes.illegible)
    after = changed(cells, unreadable, mistake, first, second).scatter(exchanged, cells[other])
    return file.with_rows(file.rows.with_columns(after.scatter(lost, "")))


_UNREADABLE = {
    "date_of_birth": mistakes.impossible_date,
    "postcode": mistakes.digit_as_letter,
    "house": mistakes.digit_as_letter,
    "age": mistakes.digit_as_letter,
}
"""How values of a kind become unreadable, where not every sign is illegible."""


def _foreign(code: str) -> str:
    """Return the foreign postcode that stands for a code: different ones for different codes of the same length.

    Codes that begin alike have one shape, and a code that differs in one sign differs in at most two.
    """
    if not code:
        return ""
    signs, written = iter((code + code[::-1]) * 2), ""
    for place, sign in enumerate(FORMS[ord(code[0]) % len(FORMS)]):
        alphabet = {"A": LETTERS, "0": DIGITS}.get(sign)
        written += alphabet[(ord(next(signs)) + 3 * place) % len(alphabet)] if alphabet else sign
    return written
