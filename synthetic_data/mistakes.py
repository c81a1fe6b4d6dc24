"""What a mistake looks like: a name written wrong, a date of birth written wrong, each a plausible one."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, day
from synthetic_data.draws import Days, draws

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
    slip = draws(seed, f"{stream} slip", entities)
    frame = pl.DataFrame(
        {
            "name": names,
            "heard": draws(seed, f"{stream} heard", entities) < by_sound,
            "slip": (slip * 4).astype(np.int64),
            "where": draws(seed, f"{stream} where", entities),
        }
    )
    name = pl.col("name")
    heard = frame.filter("heard").select(name.unique())
    sounded = name.replace(heard["name"], heard.select(_as_heard(name)).to_series())
    # a place from the second letter to the last but one, so that a swap has a neighbour
    place = 1 + (pl.col("where") * (name.str.len_chars().cast(pl.Int64) - 2).clip(lower_bound=1)).cast(pl.Int64)
    before, letter, after = name.str.slice(0, place), name.str.slice(place, 1), name.str.slice(place + 1)
    beside = letter.str.to_lowercase().replace_strict(_NEIGHBOURS, default="e")
    slipped = (
        pl.when(pl.col("slip") == 0).then(before + after)
        .when(pl.col("slip") == 1).then(before + letter + letter.str.to_lowercase() + after)
        .when(pl.col("slip") == 2).then(before + after.str.slice(0, 1) + letter + after.str.slice(1))
        .otherwise(before + beside + after)
    )  # fmt: skip
    # a doubled letter that is dropped, or swapped with itself, leaves a name as it was
    slipped = pl.when(slipped == name).then(before + beside + after).otherwise(slipped)
    return frame.select(pl.when(pl.col("heard")).then(sounded).otherwise(slipped).alias(names.name)).to_series()


def _as_heard(name: pl.Expr) -> pl.Expr:
    """Return a name with one sound written in another way."""
    first, tail = name.str.slice(0, 1), name.str.slice(1)
    return pl.coalesce(
        *(
            pl.when(tail.str.contains(written, literal=True)).then(
                first + tail.str.replace(written, heard, literal=True)
            )
            for written, heard in _SOUNDS
        ),
        name + "e",
    )


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
