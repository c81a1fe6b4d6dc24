"""How a typing error is made: a misspelt name or a wrong date of birth, each a plausible one."""

from functools import lru_cache

import numpy as np
import polars as pl

from synthetic_data.errors.record_draws import Records
from synthetic_data.numbers.days import DATA_DATE, day
from synthetic_data.numbers.draws import Days, Floats

_LETTERS, _NEIGHBOURS = pl.Enum(list("abcdefghijklmnopqrstuvwxyz")), pl.Series(list("snxfrgfjukjknbkpwtdyiceazs"))
"""The letters, and the key next to each of them."""
_SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("ie", "y"), ("ei", "ey"), ("ea", "ee"), ("ee", "ea"), ("ou", "u"), ("oo", "u"),
    ("ll", "l"), ("nn", "n"), ("ss", "s"), ("tt", "t"), ("sz", "sh"), ("cz", "ch"), ("w", "v"), ("j", "y"),
    ("c", "k"), ("z", "s"), ("y", "i"), ("e", "a"), ("o", "u"), ("a", "e"), ("i", "e"), ("u", "oo"),
)  # fmt: skip
"""How a sound is spelt, and its other spelling; the first one found after a name's first letter is changed."""


_NAME, _BEFORE, _LETTER, _AFTER = (pl.col(one) for one in ("name", "before", "letter", "after"))
# from the second letter to the last but one, so that there is a letter to swap with
_ROOM = (_NAME.str.len_chars().cast(pl.Int64) - 2).clip(lower_bound=1)
_PLACE = (1 + (pl.col("where") * _ROOM).cast(pl.Int64)).alias("place")
_AROUND = (
    _NAME.str.slice(0, "place").alias("before"),
    _NAME.str.slice("place", 1).alias("letter"),
    _NAME.str.slice(pl.col("place") + 1).alias("after"),
)
_SMALL = _LETTER.str.to_lowercase()
_KEY = pl.lit(_NEIGHBOURS).gather(_SMALL.cast(_LETTERS, strict=False).to_physical()).fill_null("e")
_DROPPED, _DOUBLED, _SWAPPED = (pl.col("slip") == number for number in range(3))
_CHANGED = (
    _KEY.alias("key"),
    pl.when(_DROPPED).then(pl.lit(""))
    .when(_DOUBLED).then(_LETTER + _SMALL)
    .when(_SWAPPED).then(_AFTER.str.slice(0, 1) + _LETTER)
    .otherwise(_KEY).alias("written"),
    pl.when(_SWAPPED).then(_AFTER.str.slice(1)).otherwise(_AFTER).alias("rest"),
)  # fmt: skip
_SLIPPED = pl.concat_str("before", "written", "rest")
# a slip that leaves a name as it was, such as swapping equal letters, becomes the neighbouring key
_MISSPELT = pl.when(_SLIPPED == _NAME).then(pl.concat_str("before", "key", "after")).otherwise(_SLIPPED)


def drawn_slips(records: Records, part: str) -> Floats:
    """Return three draws for each name: whether it is misspelt by sound, else which slip is made, and where."""
    return np.array([records.draws(f"{part} {what}") for what in ("heard", "slip", "where")])


def misspelt(names: pl.Series, slips: Floats, by_sound: float) -> pl.Series:
    """Return every name misspelt: by sound, or by a slip in one letter (see `_slipped`)."""
    heard, slip, where = slips
    by_ear, by_hand = np.flatnonzero(heard < by_sound), np.flatnonzero(heard >= by_sound)
    # names recur, and each is misspelt by sound once
    as_heard = pl.Series([_heard(name) for name in names[by_ear].to_list()], dtype=pl.String)
    slipped = _slipped(names[by_hand], slip[by_hand], where[by_hand])
    return names.clone().scatter(by_ear, as_heard).scatter(by_hand, slipped)


def _slipped(names: pl.Series, slip: Floats, where: Floats) -> pl.Series:
    """Return names with one letter dropped, doubled, swapped or replaced by the neighbouring key, as drawn."""
    drawn = pl.DataFrame({"name": names, "slip": (slip * 4).astype(np.int64), "where": where})
    return drawn.with_columns(_PLACE).with_columns(_AROUND).with_columns(_CHANGED).select(_MISSPELT).to_series()


@lru_cache(maxsize=2**16)
def _heard(name: str) -> str:
    """Return a name with the first sound of the list that occurs in it spelt in the other way."""
    first, tail = name[:1], name[1:]
    for written, heard in _SOUNDS:
        if written in tail:
            return first + tail.replace(written, heard, 1)
    return name + "e"


def wrong_birth(birth: Days, records: Records) -> Days:
    """Return every date of birth changed to a plausible wrong one.

    A share has day and month `swapped` where that gives another date, and a share becomes 1 January (`new_year`); of
    the others three in four have another day of the month, one in four the year before.
    """
    swapped, new_year = (records.rate("dates", kind) for kind in ("swapped", "new_year"))
    kind = records.draws("birth kind")
    shift = (records.draws("birth shift") * 8).astype(np.int64) + 1
    dates = birth.astype("datetime64[D]")
    year = dates.astype("datetime64[Y]")
    month = dates.astype("datetime64[M]")
    month_number, day_number = (
        (month - year.astype("datetime64[M]")).astype(np.int64) + 1,
        (dates - month).astype(int) + 1,
    )
    exchanged = (year.astype("datetime64[M]") + (day_number - 1)).astype("datetime64[D]") + (month_number - 1)
    other_day = month.astype("datetime64[D]") + (day_number - 1 + shift) % 28
    other_year = (month - 12).astype("datetime64[D]") + np.minimum(day_number - 1, 27)
    can_swap = (day_number <= 12) & (day_number != month_number)
    to_new_year = kind >= 1 - new_year
    rest = swapped + (1 - swapped - new_year) * 0.75
    wrong = np.select(
        [to_new_year, (kind < swapped) & can_swap, kind < rest],
        [on_new_year(birth).astype("datetime64[D]"), exchanged, other_day],
        default=other_year,
    ).astype(np.int64)
    # no date of birth is recorded in the future, or before the registers begin
    return np.where((wrong > DATA_DATE) | (wrong < day(1900, 1, 1)), birth, wrong)


def on_new_year(birth: Days) -> Days:
    """Return 1 January of the year of each date: what is recorded where only the year is known."""
    return birth.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
