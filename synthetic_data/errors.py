"""The catalogue of errors: six kinds that every source makes, and rows that break their contract.

Rates are defaults of real-life size; `NO_ERRORS` turns every kind off. Sources differ by the factors below,
people by the origin of their names: error in linkage is not spread evenly, and neither is it here.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, day
from synthetic_data.draws import Days, Floats, draws


@dataclass(frozen=True)
class Registration:
    """Late and missing registration.

    NHS lags are log-normal from arrival; the medians are published (ONS, Registration lags of NINo and NHS
    registrations, 2019), the spread and the shares that never register are assumptions.
    """

    nhs_never: tuple[tuple[str, float], ...] = (("British", 0.03), ("Irish", 0.10), ("EU", 0.15), ("non_EU", 0.06))
    nhs_never_settled: float = 0.3
    """Factor of these shares for those who were here before 2010: in time nearly everybody sees a doctor."""
    nhs_never_child: float = 0.01
    nhs_median_days: tuple[tuple[str, float], ...] = (("British", 60), ("Irish", 150), ("EU", 345), ("non_EU", 60))
    nhs_median_days_child: float = 30
    nhs_sigma: float = 1.4
    no_gp: float = 0.01
    """People on the demographic service whom no practice has on its list."""
    nino_median_days: tuple[tuple[str, float], ...] = (("British", 30), ("Irish", 40), ("EU", 45), ("non_EU", 90))
    nino_sigma: float = 1.0
    never_active: float = 0.08
    """Adults who never meet the tax or benefit system; a trait for life."""
    activity_gap: float = 0.003
    """Years without any activity of somebody who lives here and is otherwise active."""
    birth_country_missing: float = 0.20


@dataclass(frozen=True)
class Leavers:
    """Leavers who stay registered: what the NHS learns of people who emigrate, and of deaths."""

    told_active: float = 0.35
    """Leavers seen by tax or benefit systems whose departure the NHS posts as a removal."""
    told_inactive: float = 0.60
    """...of children and people without activity."""
    dropped_active: float = 0.25
    """Leavers whom their practice drops at the next clean-up without any posting; the rest inflate the list."""
    dropped_inactive: float = 0.25
    median_days: float = 150
    death_never_posted: float = 0.01


@dataclass(frozen=True)
class Names:
    """Misspelt names: a share of given names, and of family names, of the people whom a source holds."""

    rate: float = 0.03
    foreign_factor: float = 2.5
    by_sound: float = 0.4
    """Written as heard; the others are slips of the keyboard."""
    prone: float = 0.1
    """People whose names and dates of birth go wrong more often than others', in all sources alike."""
    prone_factor: float = 5.0
    """...so much more often than the mean; others' rates are lower by as much as keeps the mean."""


@dataclass(frozen=True)
class Dates:
    """Wrong dates: dates of birth in every source, dates of arrival stated by migrants."""

    birth: float = 0.012
    arrival_near: float = 0.12
    """Stated arrivals that are a few days off."""
    arrival_month: float = 0.06
    """Stated arrivals that are rounded to the first of the month."""


@dataclass(frozen=True)
class Addresses:
    """Stale addresses: moves that a source learns late or never."""

    nhs_never: float = 0.12
    """Moves that are never told to the NHS; twice as many of men under 35."""
    nhs_median_days: float = 60
    stale: float = 0.10
    """People of whom another source holds an address of the past."""
    mean_days: float = 700


@dataclass(frozen=True)
class Departures:
    """Unmatched departures: crossings that are recorded but never joined to the traveller (Home Office, 2020)."""

    unmatched: float = 0.03


@dataclass(frozen=True)
class Errors:
    """All errors of all sources."""

    registration: Registration = Registration()
    leavers: Leavers = Leavers()
    names: Names = Names()
    dates: Dates = Dates()
    addresses: Addresses = Addresses()
    departures: Departures = Departures()
    broken_rows: float = 0.0002
    """Rows that break their contract and must end in quarantine: an impossible code or date."""


_NONE = (("British", 0.0), ("Irish", 0.0), ("EU", 0.0), ("non_EU", 0.0))
NO_ERRORS = Errors(
    registration=Registration(_NONE, 0, 0, _NONE, 0, 0, 0, _NONE, 0, 0, 0, 0),
    leavers=Leavers(1, 1, 0, 0, 0, 0),
    names=Names(0, 1, 0, 0, 1),
    dates=Dates(0, 0, 0),
    addresses=Addresses(0, 0, 0, 0),
    departures=Departures(0),
    broken_rows=0,
)
"""Sources that see everything at once, and right."""

SOURCE_FACTORS = {
    "activity": 1.0, "births": 0.6, "coverage_survey": 1.4, "deaths": 1.4, "exit_checks": 0.5,
    "hesa": 0.8, "mws": 1.5, "pds": 0.7, "pr": 0.9,
}  # fmt: skip
"""Care with names and dates of birth: passports are read by machines, survey answers are heard at the door."""

_NEIGHBOURS = dict(zip("abcdefghijklmnopqrstuvwxyz", "snxfrgfjukjknbkpwtdyiceazs", strict=True))
"""The key next to each letter."""
_SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("ie", "y"), ("ei", "ey"), ("ea", "ee"), ("ee", "ea"), ("ou", "u"), ("oo", "u"),
    ("ll", "l"), ("nn", "n"), ("ss", "s"), ("tt", "t"), ("sz", "sh"), ("cz", "ch"), ("w", "v"), ("j", "y"),
    ("c", "k"), ("z", "s"), ("y", "i"), ("e", "a"), ("o", "u"), ("a", "e"), ("i", "e"), ("u", "oo"),
)  # fmt: skip
"""How a sound is written, and how else it is; the first that a name holds after its first letter is changed."""


def group_rate(rates: tuple[tuple[str, float], ...], group: NDArray[np.object_]) -> Floats:
    """Return the value of each person's nationality group."""
    found = np.zeros(len(group))
    for name, value in rates:
        found[group == name] = value
    return found


def proneness(errors: Errors, seed: int, person: NDArray[np.int64]) -> Floats:
    """Return the factor by which each person's errors are more or less frequent than the mean; its mean is 1."""
    share, factor = errors.names.prone, errors.names.prone_factor
    others = (1 - share * factor) / (1 - share)
    return np.where(draws(seed, "prone to errors", person) < share, factor, others)


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
    name, tail = pl.col("name"), pl.col("name").str.slice(1)
    first = pl.col("name").str.slice(0, 1)
    sounded = pl.coalesce(
        *(
            pl.when(tail.str.contains(written, literal=True)).then(
                first + tail.str.replace(written, heard, literal=True)
            )
            for written, heard in _SOUNDS
        ),
        name + "e",
    )
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


def wrong_birth(birth: Days, seed: int, stream: str, entities: NDArray[np.int64]) -> Days:
    """Return every date of birth wrong in a plausible way.

    Day and month are swapped where that is a date, else the day, the year or all but the year is wrong.
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
    swapped = (year.astype("datetime64[M]") + (day_number - 1)).astype("datetime64[D]") + (month_number - 1)
    other_day = month.astype("datetime64[D]") + (day_number - 1 + shift) % 28
    other_year = (month - 12).astype("datetime64[D]") + np.minimum(day_number - 1, 27)
    new_year = year.astype("datetime64[D]")
    can_swap = (day_number <= 12) & (day_number != month_number)
    wrong = np.select(
        [(kind < 0.45) & can_swap, kind < 0.80, kind < 0.92], [swapped, other_day, other_year], default=new_year
    ).astype(np.int64)
    # nobody writes a date of birth that is still to come, or before the registers begin
    return np.where((wrong > DATA_DATE) | (wrong < day(1900, 1, 1)), birth, wrong)
