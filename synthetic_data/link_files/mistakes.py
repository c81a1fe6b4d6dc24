"""Mistakes in one value: each takes a text that is not empty and two uniform draws, and returns the mistaken text.

A mistake that does not fit a text (a digit where there is none, a nickname of a name that has none) leaves it as it
is.
"""

from collections.abc import Sequence
from functools import cache
from typing import Protocol, TypeVar

from synthetic_data.country.tables import table

_One = TypeVar("_One")


class Mistake(Protocol):
    """A kind of mistake; its name is part of the random streams that say in which cells it occurs."""

    __name__: str

    def __call__(self, text: str, first: float, second: float, /) -> str:
        """Return the mistaken text."""
        ...


_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
_MISREAD = (
    ("rn", "m"), ("m", "rn"), ("cl", "d"), ("d", "cl"), ("vv", "w"), ("w", "vv"), ("l", "1"), ("i", "l"), ("o", "0"),
    ("0", "o"), ("1", "l"), ("5", "s"), ("s", "5"), ("8", "b"), ("b", "8"), ("g", "q"), ("q", "g"), ("e", "c"),
    ("c", "e"), ("2", "z"), ("z", "2"), ("h", "b"), ("n", "ri"), ("u", "v"), ("f", "t"), ("6", "b"), ("4", "a"),
)  # fmt: skip
_HEARD = (
    ("ph", "f"), ("f", "ph"), ("ck", "k"), ("c", "k"), ("k", "c"), ("ee", "ea"), ("ea", "ee"), ("ie", "y"),
    ("y", "ie"), ("ou", "ow"), ("ow", "ou"), ("ght", "t"), ("th", "t"), ("sh", "sch"), ("ll", "l"), ("nn", "n"),
    ("ss", "s"), ("tt", "t"), ("s", "z"), ("z", "s"), ("j", "g"), ("x", "ks"), ("qu", "kw"), ("ai", "ay"),
    ("ei", "ai"), ("a", "e"), ("e", "i"), ("i", "y"), ("o", "u"), ("u", "oo"), ("d", "dd"), ("n", "nn"),
)  # fmt: skip
_NOT_A_NAME = (
    "Unknown", "Not Given", "Baby", "Occupant", "Tenant", "Refused", "Lodger", "Parent", "Xxx", "Test", "Infant",
    "Person", "Visitor", "Householder",
)  # fmt: skip
_NOT_A_DATE = ("0000", "9999")


def missing(text: str, first: float, second: float) -> str:
    """Leave the value out."""
    del text, first, second
    return ""


def neighbouring_key(text: str, first: float, second: float) -> str:
    """Hit a key beside the right one."""
    at = _place(text, first)
    row = next((row for row in _KEYBOARD if text[at].lower() in row), None)
    if row is None:
        return text
    key = row.index(text[at].lower())
    beside = row[max(key - 1, 0) : key] + row[key + 1 : key + 2]
    return text[:at] + _of(beside, second) + text[at + 1 :]


def letter_added(text: str, first: float, second: float) -> str:
    """Type a letter too many (a digit, among digits)."""
    at = _place(text, first)
    kind = "0123456789" if text[at].isdigit() else "abcdefghijklmnopqrstuvwxyz"
    return text[:at] + _of(kind, second) + text[at:]


def letter_left_out(text: str, first: float, second: float) -> str:
    """Leave a letter out."""
    del second
    at = _place(text, first)
    return text[:at] + text[at + 1 :] if len(text) > 1 else text


def letters_swapped(text: str, first: float, second: float) -> str:
    """Swap two letters that stand side by side."""
    del second
    if len(text) < 2:
        return text
    at = int(first * (len(text) - 1))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def misread(text: str, first: float, second: float) -> str:
    """Read a sign for one that looks like it, as a scanner does."""
    return _replaced(text, _MISREAD, first, second)


def misheard(text: str, first: float, second: float) -> str:
    """Write a sound in another way."""
    return _replaced(text, _HEARD, first, second)


def wrong_digit(text: str, first: float, second: float) -> str:
    """Write another digit in the place of one."""
    places = [at for at, sign in enumerate(text) if sign.isdigit()]
    if not places:
        return text
    at = _of(places, first)
    return text[:at] + str((int(text[at]) + 1 + int(second * 9)) % 10) + text[at + 1 :]


def digit_as_letter(text: str, first: float, second: float) -> str:
    """Write a letter in the place of a digit."""
    places = [at for at, sign in enumerate(text) if sign.isdigit()]
    if not places:
        return text
    at = _of(places, first)
    return text[:at] + _of("olisgbtxyz", second) + text[at + 1 :]


def illegible(text: str, first: float, second: float) -> str:
    """Write signs that stand for nothing."""
    del text, second
    return "?" * (1 + int(first * 3))


def nickname(text: str, first: float, second: float) -> str:
    """Write the short or familiar form of a given name."""
    del second
    known = _nicknames().get(text.lower())
    return _of(known, first) if known else text


def not_a_name(text: str, first: float, second: float) -> str:
    """Write a word that is nobody's name."""
    del text, second
    return _of(_NOT_A_NAME, first)


def another_sex(text: str, first: float, second: float) -> str:
    """Tick the other box."""
    del first, second
    return {"Male": "Female", "Female": "Male"}.get(text, text)


def another_age(text: str, first: float, second: float) -> str:
    """Report an age that is up to two years too high or too low."""
    del second
    return str(max(int(text) + _of((-2, -1, -1, 1, 1, 2), first), 0)) if text.isdigit() else text


def another_initial(text: str, first: float, second: float) -> str:
    """Write another letter for the first one of a middle name, or give only the letter."""
    return text[:1] if len(text) > 1 and first < 0.5 else _of("ABCDEFGHIJKLMNOPRSTVW", second)


def month_and_day_swapped(text: str, first: float, second: float) -> str:
    """Swap month and day, whether or not that is a date: of `MM/DD/YYYY` or `YYYYMMDD`."""
    del first, second
    if "/" in text:
        month, day, *year = text.split("/")
        return "/".join([day, month, *year])
    return text[:4] + text[6:8] + text[4:6] + text[8:]


def impossible_date(text: str, first: float, second: float) -> str:
    """Write a day or a month that does not exist, or no year: of `MM/DD/YYYY` or `YYYYMMDD`."""
    parts = text.split("/")
    year, month, day = (parts[2], *parts[:2]) if len(parts) == 3 else (text[:4], text[4:6], text[6:])
    if first < 0.4:
        month, day = "02", _of(("30", "31"), second)
    elif first < 0.7:
        day = _of(("00", "32", "45"), second)
    elif first < 0.9:
        month = _of(("00", "13", "19"), second)
    else:
        year = _of(_NOT_A_DATE, second)
    return "/".join([month, day, year]) if len(parts) == 3 else year + month + day


def _place(text: str, draw: float) -> int:
    return min(int(draw * len(text)), len(text) - 1)


def _of(choices: Sequence[_One], draw: float) -> _One:
    return choices[min(int(draw * len(choices)), len(choices) - 1)]


def _replaced(text: str, table_of_signs: tuple[tuple[str, str], ...], first: float, second: float) -> str:
    """Replace one occurrence of one of the signs that occur; a capital letter stays one."""
    small = text.lower()
    found = [(sign, other) for sign, other in table_of_signs if sign in small]
    if not found:
        return text
    sign, other = _of(found, first)
    places = [at for at in range(len(small)) if small.startswith(sign, at)]
    at = _of(places, second)
    written = other.capitalize() if text[at].isupper() else other
    return text[:at] + written + text[at + len(sign) :]


@cache
def _nicknames() -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for name, short in table("nicknames").rows():
        known.setdefault(name.lower(), []).append(short)
    return known
