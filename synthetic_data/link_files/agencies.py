"""Files of four agencies with an American kind of address: a census, a register, a tax file and a programme."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.link_files import mistakes
from synthetic_data.link_files.careless import OF_A_DATE, OF_A_NAME, OF_A_NUMBER, OF_A_PLACE, with_mistakes
from synthetic_data.link_files.households import REFERENCE_DAY, Country, people
from synthetic_data.link_files.link_file import (
    IDENTIFIES_ROW,
    IGNORED,
    SERIAL,
    SEX,
    Columns,
    LinkFile,
    date_of_birth,
    describes,
)
from synthetic_data.link_files.mistakes import Mistake
from synthetic_data.numbers.draws import draws, pick

AMERICA = Country(18, 4, digits=5, states=("OR", "WA", "ID"))
_AGE = {
    "type": "integer", "identifier": "age", "age_on": str(REFERENCE_DAY), "required": False, "min": 0, "max": 125,
}  # fmt: skip
_NAMES: Columns = {
    SERIAL: IDENTIFIES_ROW,
    "first_name": describes("given_name"),
    "middle_initial": describes("middle_name"),
    "last_name": describes("family_name"),
}
_ADDRESS: Columns = {
    "house_number": describes("house"),
    "street": describes("street"),
    "unit": IGNORED,
    "city": describes("locality"),
    "state": IGNORED,
    "zip": describes("postcode"),
}
_BORN = date_of_birth("%m/%d/%Y")
CENSUS: Columns = {**_NAMES, "age": _AGE, "date_of_birth": _BORN, **_ADDRESS, "sex": SEX, "race": IGNORED}
REGISTER: Columns = {
    SERIAL: IDENTIFIES_ROW,
    "first_name": describes("given_name"),
    "middle_name": describes("middle_name"),
    "last_name": describes("family_name"),
    "date_of_birth": date_of_birth("%Y%m%d"),
    "sex": SEX,
    "event": IGNORED,
}
TAX: Columns = {**_NAMES, **_ADDRESS, "employer": IGNORED}
PROGRAMME: Columns = {**_NAMES, "date_of_birth": _BORN, **_ADDRESS, "sex": SEX, "race": IGNORED}
MISTAKES: Mapping[str, Sequence[Mistake]] = {
    "first_name": (*OF_A_NAME, mistakes.nickname),
    "middle_initial": (mistakes.missing, mistakes.another_initial, mistakes.neighbouring_key),
    "middle_name": (*OF_A_NAME, mistakes.another_initial),
    "last_name": OF_A_NAME,
    "age": (mistakes.missing, mistakes.another_age, mistakes.wrong_digit, mistakes.misread),
    "date_of_birth": OF_A_DATE,
    "house_number": OF_A_NUMBER,
    "street": OF_A_PLACE,
    "unit": OF_A_NUMBER,
    "city": OF_A_PLACE,
    "state": (mistakes.missing,),
    "zip": OF_A_NUMBER,
    "sex": (mistakes.missing, mistakes.another_sex),
    "race": (mistakes.missing,),
    "employer": OF_A_PLACE,
}
COPIED = ("first_name", "age", "date_of_birth")
"""The columns in which a value of somebody else of the household can be written."""
RATE, NOISY_RATE = 0.006, 0.018
"""The probability of each mistake in one cell."""
ON_NO_CENSUS = 1.27
"""All people, for each one whom the census would count."""
CENSUS_MISSED, REGISTER_MISSED, FILES_TAX, TAKES_PART, MOVED = 0.03, 0.04, 0.75, 0.35, 0.08
RACES = {"White": 0.6, "Latino": 0.18, "Asian": 0.14, "Multiracial or Other": 0.08}
EMPLOYERS = ("Foundry", "Bakery", "School Board", "Clinic", "Freight", "Software", "Farm", "Hotel")

Flags = NDArray[np.bool_]


def census_register(seed: int, number: int) -> list[LinkFile]:
    """Return a census of households and a register without addresses; most people of the one are in the other."""
    return _files(seed, number, RATE)[:2]


def noisy(seed: int, number: int) -> list[LinkFile]:
    """Return a census and a register with three times as many mistakes."""
    return _files(seed, number, NOISY_RATE)[:2]


def four_sources(seed: int, number: int) -> list[LinkFile]:
    """Return a census, a register, a tax file without birth or sex, and a programme for mothers and children."""
    return _files(seed, number, RATE)


def _files(seed: int, number: int, rate: float) -> list[LinkFile]:
    known = people(seed, int(number * ON_NO_CENSUS), AMERICA)
    rows = _rows(known, seed)
    files = {
        "a": (CENSUS, rows, _on_census(known, seed, number)),
        "b": (REGISTER, rows, draws(seed, "register missed", known["person"]) >= REGISTER_MISSED),
        "c": (TAX, _some_elsewhere(rows, known, seed), _files_tax(known, seed)),
        "d": (PROGRAMME, rows, _takes_part(known, rows, seed)),
    }
    made = []
    for source, (columns, of_source, there) in files.items():
        at = np.flatnonzero(there)
        form = str(columns.get("date_of_birth", _BORN)["format"])
        written = of_source[at].with_columns(pl.col("date_of_birth").dt.strftime(form))
        who = (known[name].to_numpy()[at] for name in ("person", "household"))
        file = LinkFile.shuffled(source, written, columns, *who, seed)
        of_column = {name: kinds for name, kinds in MISTAKES.items() if name in columns}
        made.append(with_mistakes(file, of_column, [name for name in COPIED if name in columns], rate, seed))
    return made


def _rows(known: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return all columns that any agency has, without mistakes; `date_of_birth` is a date."""
    age = (pl.lit(REFERENCE_DAY.astype(object)) - pl.col("born")).dt.total_days() / 365.25
    person, household = known["person"], known["household"]
    race = np.array(list(RACES))[pick(draws(seed, "race", household), list(RACES.values()))]
    employer = np.array(EMPLOYERS)[(draws(seed, "employer", person) * len(EMPLOYERS)).astype(np.int64)]
    return known.select(
        pl.col("given_name").alias("first_name"),
        "middle_name",
        pl.col("middle_name").str.head(1).alias("middle_initial"),
        pl.col("family_name").alias("last_name"),
        age.cast(pl.Int64).cast(pl.String).alias("age"),
        pl.col("born").cast(pl.Date).alias("date_of_birth"),
        pl.col("house").alias("house_number"),
        "street",
        "unit",
        pl.col("town").alias("city"),
        "state",
        pl.col("postcode").alias("zip"),
        "sex",
        pl.Series("race", race),
        pl.Series("event", np.where(draws(seed, "event", person) < 0.93, "creation", "death")),
        pl.Series("employer", employer),
    )


def _on_census(known: pl.DataFrame, seed: int, number: int) -> Flags:
    """Return who is on the census: the first households, but a few people whom it misses."""
    counted = known["person"].to_numpy() < number / (1 - CENSUS_MISSED)
    return counted & (draws(seed, "census missed", known["person"]) >= CENSUS_MISSED)


def _files_tax(known: pl.DataFrame, seed: int) -> Flags:
    return known["adult"].to_numpy() & (draws(seed, "files tax", known["person"]) < FILES_TAX)


def _some_elsewhere(rows: pl.DataFrame, known: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return rows in which some households have the address of another household: they have moved."""
    household = known["household"].to_numpy()
    to = (draws(seed, "moved to", household) * len(household)).astype(np.int64)
    moved = draws(seed, "moved", household) < MOVED
    return rows.with_columns(rows[list(_ADDRESS)][np.where(moved, to, np.arange(len(household)))])


def _takes_part(known: pl.DataFrame, rows: pl.DataFrame, seed: int) -> Flags:
    """Return who is on the programme: of some households, children under 6 and women of 20 to 42."""
    age = rows["age"].cast(pl.Int64).to_numpy()
    mothers = (known["sex"].to_numpy() == "Female") & (age >= 20) & (age <= 42)
    return ((age < 6) | mothers) & (draws(seed, "programme", known["household"]) < TAKES_PART)
