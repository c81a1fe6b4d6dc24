"""The numbers that sources give people: distinct, well formed, and telling nothing about whose they are.

They are made from a person's ordinal and a household's key, which never depend on who else is simulated.
"""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.distinct import distinct
from synthetic_data.draws import scatter

if TYPE_CHECKING:
    from synthetic_data.residence import Lives

INSURANCE = "encrypted nino"
"""The stream of encrypted National Insurance numbers."""
SECOND = 5 * 10**7
"""Second numbers are made from ordinals that lie above those of all people of a part."""
HALF = 31_622
"""Shuffled numbers stay below the square of this, so that nine digits hold them."""
ROUNDS = 4


def nhs_numbers(lives: "Lives", rows: NDArray[np.int64], again: bool = False) -> pl.Series:
    """Return the NHS number of each person (row), or the second one."""
    if again:
        return with_wrong_digit(shuffled(lives.seed, "nhs number", lives.ordinal[rows] + SECOND))
    return lives.nhs_numbers[rows]


def with_wrong_digit(nine: NDArray[np.int64]) -> pl.Series:
    """Return NHS numbers that begin with nine digits: ten digits each.

    The last digit is never the right check digit, so that no number can be that of a living person.
    """
    rest, weighted = nine, np.zeros(len(nine), dtype=np.int64)
    for weight in range(2, 11):
        above = rest // 10
        weighted += (rest - above * 10) * weight
        rest = above
    check = (11 - weighted % 11) % 11
    return _written("", nine * 10 + (check + 1) % 10, 10)


def insurance_numbers(lives: "Lives", rows: NDArray[np.int64]) -> pl.Series:
    """Return the encrypted National Insurance number of each person (row): 16 hexadecimal digits."""
    return lives.insurance_numbers[rows]


def insurance_place(lives: "Lives") -> NDArray[np.int64]:
    """Return the place of each person (row) in the order of encrypted National Insurance numbers."""
    place = np.empty(len(lives.person), dtype=np.int64)
    place[np.argsort(scatter(lives.seed, INSURANCE, lives.person))] = np.arange(len(lives.person))
    return place


def labels(
    lives: "Lives", kind: str, rows: NDArray[np.int64], prefix: str, digits: int, again: bool = False
) -> pl.Series:
    """Return an identifier of a kind for each person (row), or the second one: a prefix, then nine digits or more."""
    known, index = distinct(rows)
    return _written(prefix, shuffled(lives.seed, kind, lives.ordinal[known] + SECOND * again), digits)[index]


def household_labels(lives: "Lives", kind: str, households: NDArray[np.int64]) -> pl.Series:
    """Return an identifier of a kind for each household (row): H, then 16 hexadecimal digits."""
    bits = scatter(lives.seed, kind, lives.households["key"].to_numpy()[households])
    return pl.select(pl.lit("H") + hexadecimal(bits)).to_series()


def postcode_labels(lives: "Lives", kind: str, postcodes: NDArray[np.int64]) -> pl.Series:
    """Return an identifier of a kind for each postcode (number): C, then nine digits."""
    return _written("C", shuffled(lives.seed, kind, postcodes), 9)


def shuffled(seed: int, kind: str, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return distinct numbers below `HALF` squared for distinct such numbers: a Feistel network of each kind's own.

    So neither the numbers nor the order of a file by them says who is the same person in two sources.
    """
    left, right = np.divmod(numbers, HALF)
    for number in range(ROUNDS):
        mixed = (scatter(seed, f"{kind} {number}", right) % np.uint64(HALF)).astype(np.int64)
        left, right = right, (left + mixed) % HALF
    return left * HALF + right


def _written(prefix: str, numbers: NDArray[np.int64], digits: int) -> pl.Series:
    """Return a prefix and that many digits for each number."""
    # a leading one holds the place of zeros, and gives way to the prefix
    return pl.Series(numbers + 10**digits).cast(pl.String).str.replace("1", prefix, literal=True)


def hexadecimal(bits: NDArray[np.uint64]) -> pl.Series:
    """Return 16 hexadecimal digits for each 64 bits."""
    return pl.Series([bits.astype(">u8").tobytes().hex(" ", 8).upper()]).str.split(" ").explode()[: len(bits)]
