"""Checks by which a direct identifier shows that it was written without an error.

A wrong digit, or two digits exchanged, nearly always fail the check of a number that has a check digit. A National
Insurance number has none; it has prefixes and suffixes that are never given out.
"""

from typing import Literal

import polars as pl

CheckDigit = Literal["nhs_number", "nino", "husid"]

_NHS_WEIGHTS = range(10, 1, -1)  # NHS Data Dictionary, NHS NUMBER: modulus 11
_HUSID_WEIGHTS = (1, 3, 7, 9) * 3  # HESA, student record, HUSID: the sum with the check digit ends in 0
_FORMS: dict[CheckDigit, str] = {
    "nhs_number": "^[0-9]{10}$",
    # HMRC, National Insurance Manual, NIM39110: no D, F, I, Q, U or V, no O in second place, a suffix from A to D
    "nino": "^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]$",
    "husid": "^[0-9]{13}$",
}
# prefixes that are not used, from the same manual
_NINO_NEVER = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def passes(number: pl.Expr, check: CheckDigit) -> pl.Expr:
    """Return whether a standard number (upper case, no blanks) passes a check; null for null."""
    return number.str.contains(_FORMS[check]) & pl.coalesce(_agrees(number, check), number.is_null())


def _agrees(number: pl.Expr, check: CheckDigit) -> pl.Expr:
    """Return whether the parts of a number of the right form agree with one another."""
    if check == "nino":
        return ~number.str.head(2).is_in(list(_NINO_NEVER))
    if check == "husid":
        return (_weighted(number, _HUSID_WEIGHTS) + _digit(number, 12)) % 10 == 0
    # a remainder that would need the check digit 10 is no number
    return (11 - _weighted(number, _NHS_WEIGHTS) % 11) % 11 == _digit(number, 9)


def _weighted(number: pl.Expr, weights: range | tuple[int, ...]) -> pl.Expr:
    return pl.sum_horizontal(_digit(number, place) * weight for place, weight in enumerate(weights))


def _digit(number: pl.Expr, place: int) -> pl.Expr:
    return number.str.slice(place, 1).cast(pl.Int64, strict=False)
