"""What a mistake looks like: a name written wrong, a date of birth written wrong, each a plausible one."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, day
from synthetic_data.draws import Days, Floats, draws

_NEIGHBOURS = dict(zip("abcdefghijklmnopqrstuvwxyz", "snxfrgfjukjknbkpwtdyiceazs", strict=True))
"""The key next to each letter."""
_SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("ie", "y"), ("ei", "ey"), ("ea", "ee"), ("ee", "ea"), ("ou", "u"), ("oo", "u"),
    ("ll", "l"), ("nn", "n"), ("ss", "s"), ("tt", "t"), ("sz", "sh"), ("cz", "ch"), ("w", "v"), ("j", "y"),
    ("c", "k"), ("z", "s"), ("y", "i"), ("e", "a"), ("o", "u"), ("a", "e"), ("i", "e"), ("u", "oo"),
)  # fmt: skip
"""How a sound is written, and how else it is; the first that a name holds after its first letter is changed."""


def misspelt(names: pl.Series, seed: int, stream: str, entities: NDArray[np.int64], by_sound: float) -> pl.Series:
    """Return every name misspelt: by sound, or with one letter dropped, doubled, swapped or hit beside."""
    heard = draws(seed, f"{stream} heard", entities) < by_sound
    by_ear, by_hand = np.flatnonzero(heard), np.flatnonzero(~heard)
    slips = entities[by_hand]
    return (
        names.clone()
        .scatter(by_ear, _as_heard(names[by_ear]))
        .scatter(
            by_hand,
            _slipped(names[by_hand], draws(seed, f"{stream} slip", slips), draws(seed, f"{stream} where", slips)),
        )
    )


def _slipped(names: pl.Series, slip: Floats, where: Floats) -> pl.Series:
    """Return names with one letter dropped, doubled, swapped or hit beside: which of these, and where, is drawn."""
    # a place from the second letter to the last but one, so that a swap has a neighbour
    name, place = pl.col("name"), pl.col("place")
    room = (name.str.len_chars().cast(pl.Int64) - 2).clip(lower_bound=1)
    frame = (
        pl.DataFrame({"name": names, "slip": (slip * 4).astype(np.int64), "where": where})
        .with_columns(place=1 + (pl.col("where") * room).cast(pl.Int64))
        .with_columns(
            before=name.str.slice(0, place), letter=name.str.slice(place, 1), after=name.str.slice(place + 1)
        )
        .with_columns(small=pl.col("letter").str.to_lowercase())
    )
    before, letter, after, kind = (pl.col(one) for one in ("before", "letter", "after", "slip"))
    beside = before + pl.col("small").replace_strict(_NEIGHBOURS, default="e") + after
    slipped = (
        pl.when(kind == 0).then(before + after)
        .when(kind == 1).then(before + letter + pl.col("small") + after)
        .when(kind == 2).then(before + after.str.slice(0, 1) + letter + after.str.slice(1))
        .otherwise(beside)
    )  # fmt: skip
    # a doubled letter that is dropped, or swapped with itself, leaves a name as it was
    return frame.select(pl.when(slipped == name).then(beside).otherwise(slipped)).to_series()


def _as_heard(names: pl.Series) -> pl.Series:
    """Return names with one sound each written in another way."""
    known = names.unique()
    return names.replace_strict(known, [_heard(name) for name in known], return_dtype=pl.String)


def _heard(name: str) -> str:
    """Return a name with the first sound of the list that it holds written in the other way."""
    first, tail = name[:1], name[1:]
    for written, heard in _SOUNDS:
        if written in tail:
            return first + tail.replace(written, heard, 1)
    return name + "e"


def wrong_birth(
    birth: Days, seed: int, stream: str, entities: NDArray[np.int64], swapped: float, new_year: float
) -> Days:
    """Return every date of birth wrong in a plausible way.

    A share has day and month `swapped` where that is another date, and a share says 1 January (`new_year`); of the
    others three in four have another day of the month, one in four the year before.
    """
    kind = draws(seed, f"{stream} kind", entities)
    shift = (draws(seed, f"{stream} shift", entities) * 8).astype(np.int64) + 1
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
    # nobody writes a date of birth that is still to come, or before the registers begin
    return np.where((wrong > DATA_DATE) | (wrong < day(1900, 1, 1)), birth, wrong)


def on_new_year(birth: Days) -> Days:
    """Return 1 January of the year of each date: what is written where only the year is known."""
    return birth.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
