"""The truth folder: people, presence, statuses, migrations and residents, used only for scoring."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.geography import authorities
from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.country.tables import table
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, dates, day_of, row_days, row_of
from synthetic_data.truth import definitions
from synthetic_data.truth.life import LONG, Life

BEGIN, HORIZON = date(2010, 1, 1), date(2021, 1, 1)
"""Lives are known from the first to the day before the second."""
REFERENCE_DATES = tuple(date(year, 6, 30) for year in range(2015, 2020))
STATUSES = {"row": pl.Int64, "definition": pl.String, "kind": pl.String, "date": pl.Date, "days": pl.Int64}


def tables(lives: Lives) -> dict[str, pl.DataFrame]:
    """Return the tables of the truth of simulated lives, by name.

    people: one row per person. presence: one row per spell, `end` exclusive, null when it lasts beyond 2020.
    statuses: one row per settled migration, visit or circular migrant under one definition (`definitions.Status`).
    migrations: the long-term ones among them. residents: one row per usual resident and reference date, with the
    `local_authority` and the `region` of the address on that day.
    """
    presence = _presence(lives)
    crosses = pl.Series(_crosses(lives, presence)[presence["row"].to_numpy()])
    statuses, residents = _oracle(lives, presence.filter(crosses))
    residents = pl.concat([residents, _stayers(presence.filter(~crosses))]).sort("reference_date", "row")
    person = pl.Series("person", lives.person)
    statuses = statuses.select(person[statuses["row"]], "definition", "kind", "date", "days")
    long_term = statuses.filter(pl.col("definition") == "long_term")
    return {
        "people": _people(lives),
        "presence": presence.select(person[presence["row"]], start=_as_date("start"), end=_as_date("end")),
        "statuses": statuses,
        "migrations": long_term.select("person", "date", direction="kind"),
        "residents": residents.select("reference_date", person[residents["row"]], *_places(lives, residents)),
    }


def _presence(lives: Lives) -> pl.DataFrame:
    """Return spells of presence (`row, start, end`): stays without the journeys inside them."""
    stays, trips = ([frame[name].to_numpy() for name in frame.columns] for frame in (lives.stays, lives.trips))
    row, start, end = stays
    away, out, back = trips
    # journeys lie within stays and do not overlap, so the n-th start and the n-th end of a person make a spell
    starts = np.sort(np.append(row_days(row, start), row_days(away, back)), kind="stable")
    ends = np.sort(np.append(row_days(row, end), row_days(away, out)), kind="stable")
    spells = pl.DataFrame({"row": row_of(starts), "start": day_of(starts), "end": day_of(ends)})
    return spells.filter(pl.col("start") <= LAST_DAY)


def _as_date(name: str) -> pl.Expr:
    return pl.when(pl.col(name) <= LAST_DAY).then(pl.col(name)).cast(pl.Int32).cast(pl.Date).alias(name)


def _crosses(lives: Lives, presence: pl.DataFrame) -> NDArray[np.bool_]:
    """Return who ever crosses the border: all except those with one spell, from birth or before 2010 to the end.

    Only people who cross can have a status that needs the oracle.
    """
    row, start, end = (presence[name].to_numpy() for name in ("row", "start", "end"))
    from_the_beginning = (start < FIRST_DAY) | (start == lives.birth[row])
    to_the_end = (end > LAST_DAY) | (end == lives.death[row])
    crosses = np.bincount(row, minlength=len(lives.people)) > 1
    crosses[row[~(from_the_beginning & to_the_end)]] = True
    return crosses


def _stayers(presence: pl.DataFrame) -> pl.DataFrame:
    """Return the residents (`row, reference_date`) among people who never cross: those here for over 365 days."""
    end = pl.min_horizontal("end", pl.lit(LAST_DAY + 1, dtype=pl.Int64))
    long_term = presence.filter(end - pl.col("start") > LONG.days)
    spells = long_term.select("row", since=_as_date("start"), until=_as_date("end").fill_null(HORIZON))
    here = (pl.col("since") <= pl.col("reference_date")) & (pl.col("reference_date") < pl.col("until"))
    return pl.concat([
        spells.with_columns(reference_date=pl.lit(on)).filter(here).select("row", "reference_date")
        for on in REFERENCE_DATES
    ])  # fmt: skip


def _places(lives: Lives, residents: pl.DataFrame) -> list[pl.Series]:
    """Return the codes of the local authority and of the region where each resident lives on the reference date."""
    days = residents["reference_date"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    authority = pl.Series(lives.authority_at(residents["row"].to_numpy(), days))
    known = authorities()
    return [known["authority"][authority].alias("local_authority"), known["region"][authority].alias("region")]


def _oracle(lives: Lives, presence: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the statuses of people (`row` and the fields of `Status`) and when they are resident."""
    statuses: list[tuple[int, str, str, date, int | None]] = []
    residents: list[tuple[int, date]] = []
    for row, life in _lives_of(lives, presence):
        statuses.extend((row, *status) for status in definitions.statuses(life))
        residents.extend(
            (row, on) for on in REFERENCE_DATES if definitions.is_usual_resident(life.chains, on, HORIZON)
        )
    return (
        pl.DataFrame(statuses, schema=STATUSES, orient="row"),
        pl.DataFrame(residents, schema={"row": pl.Int64, "reference_date": pl.Date}, orient="row"),
    )


def _lives_of(lives: Lives, presence: pl.DataFrame) -> Iterator[tuple[int, Life]]:
    """Yield each person (row) with their life in the form that the oracle reads."""
    row = presence["row"].to_numpy()
    spells = presence.select(
        "row", dates("birth", lives.birth[row]), dates("death", lives.death[row]), _as_date("start"), _as_date("end")
    )
    for one, of_person in groupby(spells.iter_rows(), key=lambda spell: spell[0]):
        every = list(of_person)
        yield (
            one,
            Life([(start, end) for *_, start, end in every], every[0][1], every[0][2], BEGIN, HORIZON),
        )


def _people(lives: Lives) -> pl.DataFrame:
    mother = lives.people["mother"].to_numpy()
    migrant_group = np.array([*(group.name for group in MIGRANT_GROUPS), "residents", "ghosts"], dtype=object)[
        lives.migrant_group
    ]
    migrant_group[mother >= 0] = "births"
    return lives.people.select(
        "person",
        "sex",
        birth_date=dates("birth_date", lives.birth),
        nationality="nationality",
        nationality_group="group",
        fine_group="fine_group",
        country_of_birth="country_of_birth",
        death_date=dates("death_date", lives.death),
        mother=pl.select(
            pl.when(pl.Series(mother >= 0)).then(pl.Series(lives.person[np.maximum(mother, 0)]))
        ).to_series(),
        migrant_group=pl.Series(migrant_group, dtype=pl.String),
        naturalised_on=dates("naturalised_on", lives.naturalised),
        region=pl.Series(table("areas")["area"].to_numpy()[lives.part], dtype=pl.String),
    )
