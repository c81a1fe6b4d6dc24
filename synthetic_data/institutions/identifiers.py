"""The identifiers that sources give people: distinct, well formed, and revealing nothing about their owners.

They are made from a person's ordinal and a household's key, which never depend on who else is simulated.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.lives.ordinals import ordinals
from synthetic_data.numbers.draws import scatter
from synthetic_data.numbers.equal_rows import distinct

SECOND = 5 * 10**7
"""Second numbers are made from ordinals above those of everyone in a part of the country."""
HALF = 31_622
"""Shuffled numbers stay below the square of this, so that they fit into nine digits."""
ROUNDS = 4


def nhs_numbers(lives: Lives, rows: NDArray[np.int64], again: bool = False) -> pl.Series:
    """Return the NHS number of each person (row), or the second one: ten digits.

    The last digit is never the right check digit, so that no number can belong to a real person.
    """
    known, index = distinct(rows)
    nine = shuffled(lives.seed, "nhs number", lives.once(ordinals)[known] + SECOND * again)
    rest, weighted = nine, np.zeros(len(nine), dtype=np.int64)
    for weight in range(2, 11):
        above = rest // 10
        weighted += (rest - above * 10) * weight
        rest = above
    check = (11 - weighted % 11) % 11
    return _written("", nine * 10 + (check + 1) % 10, 10)[index]


def insurance_numbers(view: InstitutionView, rows: NDArray[np.int64]) -> pl.Series:
    """Return the encrypted National Insurance number of each person (row): 16 hexadecimal digits."""
    # many sources contain it for nearly everyone
    return view.once(_insurance_numbers)[rows]


def _insurance_numbers(view: InstitutionView) -> pl.Series:
    return _hexadecimal(scatter(view.lives.seed, "encrypted nino", view.lives.person))


def insurance_place(lives: Lives) -> NDArray[np.int64]:
    """Return the position of each person (row) in the order of encrypted National Insurance numbers."""
    place = np.empty(len(lives.person), dtype=np.int64)
    place[np.argsort(scatter(lives.seed, "encrypted nino", lives.person))] = np.arange(len(lives.person))
    return place


def nhs_order(lives: Lives) -> NDArray[np.int64]:
    """Return the people (rows) in the order of their NHS numbers."""
    return np.argsort(shuffled(lives.seed, "nhs number", lives.once(ordinals)))


def labels(
    lives: Lives, kind: str, rows: NDArray[np.int64], prefix: str, digits: int, again: bool = False
) -> pl.Series:
    """Return an identifier of a kind for each person (row), or the second one: a prefix, then nine digits or more."""
    known, index = distinct(rows)
    return _written(prefix, shuffled(lives.seed, kind, lives.once(ordinals)[known] + SECOND * again), digits)[index]


def household_labels(lives: Lives, kind: str, households: NDArray[np.int64]) -> pl.Series:
    """Return an identifier of a kind for each household (row): H, then 16 hexadecimal digits."""
    return hexadecimal("H", household_places(lives, kind, households))


def household_places(lives: Lives, kind: str, households: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a number for each household (row), in the order of the household identifiers of a kind."""
    return scatter(lives.seed, kind, lives.households["key"].to_numpy()[households])


def hexadecimal(prefix: str, bits: NDArray[np.uint64]) -> pl.Series:
    """Return identifiers: a prefix, then 64 bits in hexadecimal digits."""
    return pl.select(pl.lit(prefix) + _hexadecimal(bits)).to_series()


def postcode_labels(lives: Lives, kind: str, postcodes: NDArray[np.int64]) -> pl.Series:
    """Return an identifier of a kind for each postcode (number): C, then nine digits."""
    return _written("C", shuffled(lives.seed, kind, postcodes), 9)


def shuffled(seed: int, kind: str, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return distinct numbers below `HALF` squared for distinct numbers below it, by a Feistel network for each kind.

    So neither the numbers nor the order of a file by them reveals who is the same person in two sources.
    """
    left, right = np.divmod(numbers, HALF)
    for number in range(ROUNDS):
        mixed = (scatter(seed, f"{kind} {number}", right) % np.uint64(HALF)).astype(np.int64)
        left, right = right, (left + mixed) % HALF
    return left * HALF + right


def _written(prefix: str, numbers: NDArray[np.int64], digits: int) -> pl.Series:
    """Return a prefix and this number of digits for each number."""
    # a leading one keeps the zeros, and is replaced by the prefix
    return pl.Series(numbers + 10**digits).cast(pl.String).str.replace("1", prefix, literal=True)


def _hexadecimal(bits: NDArray[np.uint64]) -> pl.Series:
    octets = pl.Series(bits.astype(">u8").view(np.uint8).reshape(len(bits), 8)).cast(pl.List(pl.UInt8))
    return octets.cast(pl.Binary).bin.encode("hex").str.to_uppercase()
