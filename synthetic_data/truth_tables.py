"""The truth folder: people, presence, migrations and residents, for scoring alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data import truth
from synthetic_data.country import PARTIES
from synthetic_data.days import FIRST_DAY, LAST_DAY, dates
from synthetic_data.residence import Lives

BEGIN, HORIZON = date(2010, 1, 1), date(2021, 1, 1)
"""Lives are known from the first to the day before the second."""
REFERENCE_DATES = tuple(date(year, 6, 30) for year in range(2015, 2020))
SURVEY_DATE = date(2017, 6, 30)


@dataclass(frozen=True)
class Truth:
    """The tables of the truth folder, and who is usually resident (rows of people) on the survey day."""

    tables: dict[str, pl.DataFrame]
    survey_residents: NDArray[np.int64]


def settle(lives: Lives) -> Truth:
    """Return the truth of simulated lives.

    people: one row a person. presence: one row a spell, `end` exclusive, null when it lasts beyond 2020.
    migrations: one row a settled long-term migration. residents: one row a usual resident on a reference date.
    """
    presence = lives.presence
    simple = _never_crosses(lives, presence)
    moving = presence.filter(pl.Series(~simple[presence["row"].to_numpy()]))
    migrations, residents = _oracle(lives, moving)
    stayers = presence.filter(pl.Series(simple[presence["row"].to_numpy()])).select("row", since=_as_date("start"))
    always = pl.concat([
        stayers.filter(pl.col("since") <= on).select("row", reference_date=pl.lit(on)) for on in REFERENCE_DATES
    ])  # fmt: skip
    residents = pl.concat([residents, always]).sort("reference_date", "row")
    on_survey_day = residents.filter(pl.col("reference_date") == SURVEY_DATE)["row"].to_numpy()
    person = pl.Series("person", lives.person)
    tables = {
        "people": _people(lives),
        "presence": presence.select(person[presence["row"]], start=_as_date("start"), end=_as_date("end")),
        "migrations": migrations.select(person[migrations["row"]], "date", "direction"),
        "residents": residents.select("reference_date", person[residents["row"]]),
    }
    return Truth(tables, on_survey_day)


def _as_date(name: str) -> pl.Expr:
    return pl.when(pl.col(name) <= LAST_DAY).then(pl.col(name)).cast(pl.Int32).cast(pl.Date).alias(name)


def _never_crosses(lives: Lives, presence: pl.DataFrame) -> NDArray[np.bool_]:
    """Return who never crosses the border and does not die: here by birth or from before 2010, for good.

    They are residents from their first day on; everybody else is left to the oracle.
    """
    row, start = presence["row"].to_numpy(), presence["start"].to_numpy()
    spells = np.bincount(row, minlength=len(lives.people))
    simple = np.zeros(len(lives.people), dtype=bool)
    simple[row] = (start < FIRST_DAY) | (start == lives.birth[row])
    simple[row] &= (presence["end"].to_numpy() > LAST_DAY) & (start < LAST_DAY - 365)
    return simple & (spells == 1)


def _oracle(lives: Lives, presence: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    migrations: list[tuple[int, date, str]] = []
    residents: list[tuple[int, date]] = []
    births, deaths = dates("birth", lives.birth).to_list(), dates("death", lives.death).to_list()
    for row, spells in _spells_by_person(presence):
        of_person = truth.chains(spells)
        found = truth.migrations(of_person, births[row], deaths[row], BEGIN, HORIZON)
        migrations.extend((row, on, direction) for on, direction in found)
        residents.extend((row, on) for on in REFERENCE_DATES if truth.is_usual_resident(of_person, on, HORIZON))
    return (
        pl.DataFrame(migrations, schema={"row": pl.Int64, "date": pl.Date, "direction": pl.String}, orient="row"),
        pl.DataFrame(residents, schema={"row": pl.Int64, "reference_date": pl.Date}, orient="row"),
    )


def _spells_by_person(presence: pl.DataFrame) -> Iterator[tuple[int, list[tuple[date, date | None]]]]:
    rows = presence.select("row", _as_date("start"), _as_date("end")).iter_rows()
    for row, spells in groupby(rows, key=lambda spell: spell[0]):
        yield row, [(start, end) for _, start, end in spells]


def _people(lives: Lives) -> pl.DataFrame:
    mother = lives.people["mother"].to_numpy()
    came_as = np.array([*(party.name for party in PARTIES), "residents"], dtype=object)[lives.party]
    came_as[mother >= 0] = "births"
    return lives.people.select(
        "person",
        "sex",
        birth_date=dates("birth_date", lives.birth),
        nationality="nationality",
        nationality_group="group",
        country_of_birth="country_of_birth",
        death_date=dates("death_date", lives.death),
        mother=pl.select(
            pl.when(pl.Series(mother >= 0)).then(pl.Series(lives.person[np.maximum(mother, 0)]))
        ).to_series(),
        came_as=pl.Series(came_as, dtype=pl.String),
    )
