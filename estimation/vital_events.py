"""Births and deaths of usual residents, counted by the sex, cohort and nationality group of the account."""

from dataclasses import dataclass

import polars as pl

from estimation.migration_flows import MICRO
from estimation.periods import DEFINITION, year_end, year_ending
from pipeline.schemas import NATIONALITY_GROUPS

CELL = ["sex", "cohort", "nationality_group"]
NOBODY_KNOWS = NATIONALITY_GROUPS[0]
"""Nationality group of a registration that links to nobody whom another source knows."""


@dataclass(frozen=True)
class VitalEvents:
    """Rows of `counts`, and how many registrations were placed by an assumption or left out."""

    counts: pl.DataFrame
    taken_as_british: int = 0
    not_residents: int = 0


def children_with_mothers_group(people: pl.DataFrame, clusters: pl.DataFrame, mothers: pl.DataFrame) -> pl.DataFrame:
    """Return `people` with everybody whose birth is registered in the mother's nationality group.

    A child's own records rarely tell a nationality, and births are counted in the mother's group; stocks,
    flows and deaths of those born here must stand in the same group, or the groups do not add up.
    """
    who = clusters.filter(pl.col("draw") == 0).select("source", "subject_id", "person_id")
    mother = who.rename({"source": "mother_source", "subject_id": "mother_subject_id", "person_id": "mother"})
    group = people.select(pl.col("person_id").alias("mother"), pl.col("nationality_group").alias("mothers_group"))
    found = (
        mothers.join(who, on=["source", "subject_id"])
        .join(mother, on=["mother_source", "mother_subject_id"])
        .join(group, on="mother")
        .sort("source", "subject_id")
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", "mothers_group")
    )
    return (
        people.join(found, on="person_id", how="left", maintain_order="left")
        .with_columns(nationality_group=pl.coalesce("mothers_group", "nationality_group"))
        .drop("mothers_group")
    )


def count_births(
    births: pl.DataFrame, clusters: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]
) -> VitalEvents:
    """Return births by sex and nationality group for `years` (ending 30 June).

    `births` has `subject_id, sex, birth_month`; `people` is that of `children_with_mothers_group`, so a
    birth stands in the group of its mother, else of the child itself, else it is taken as British.
    """
    found = _of_people(births, "births", clusters, people.select("person_id", "nationality_group"))
    found = found.with_columns(year=year_ending(pl.col("birth_month"))).filter(pl.col("year").is_in(years))
    unknown = found["nationality_group"].null_count()
    cells = found.with_columns(
        pl.col("nationality_group").fill_null(NOBODY_KNOWS), pl.col("sex").cast(pl.String), cohort=pl.col("year")
    )
    return VitalEvents(_counted(cells, "births"), taken_as_british=unknown)


def count_deaths(
    deaths: pl.DataFrame,
    clusters: pl.DataFrame,
    people: pl.DataFrame,
    migrations: pl.DataFrame,
    stays: pl.DataFrame,
    years: tuple[int, ...],
) -> VitalEvents:
    """Return deaths of usual residents by sex, cohort and nationality group for `years` (ending 30 June).

    `deaths` has `subject_id, sex, birth_month, date_of_death`. Somebody who had emigrated, or whose stays
    were all short, is no usual resident; everybody else who dies here is, on the list or not. A death that
    links to nobody keeps its own sex and month of birth and is taken as British.
    """
    found = _of_people(deaths, "deaths", clusters, people.select("person_id", "nationality_group", "cohort"))
    found = found.with_columns(year=year_ending(pl.col("date_of_death"))).filter(pl.col("year").is_in(years))
    elsewhere = _emigrated(found, migrations).vstack(_only_short_stays(found, stays)).unique()
    residents = found.join(elsewhere, on="subject_id", how="anti")
    unknown = residents["nationality_group"].null_count()
    cells = residents.with_columns(
        pl.col("nationality_group").fill_null(NOBODY_KNOWS),
        pl.col("sex").cast(pl.String),
        cohort=pl.min_horizontal(pl.coalesce("cohort", year_ending(pl.col("birth_month"))), "year"),
    )
    return VitalEvents(_counted(cells, "deaths"), unknown, found.height - residents.height)


def _of_people(events: pl.DataFrame, source: str, clusters: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return events with the person of their subject, as far as people are known."""
    who = clusters.filter(pl.col("source") == source, pl.col("draw") == 0).select("subject_id", "person_id")
    return events.join(who, on="subject_id", how="left").join(people, on="person_id", how="left")


def _emigrated(deaths: pl.DataFrame, migrations: pl.DataFrame) -> pl.DataFrame:
    """Return the subjects whose last migration before death was an emigration, more likely than not."""
    moves = migrations.filter(pl.col("definition") == DEFINITION, pl.col("probability") >= 0.5)
    last = (
        deaths.select("subject_id", "person_id", "date_of_death")
        .join(moves.select("person_id", "date", "direction"), on="person_id")
        .filter(pl.col("date") < pl.col("date_of_death"))
        .sort("subject_id", "date", "direction")
        .unique("subject_id", keep="last", maintain_order=True)
    )
    return last.filter(pl.col("direction") == "emigration").select("subject_id")


def _only_short_stays(deaths: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return the subjects who have stays, all of them short."""
    short = (
        stays.filter(pl.col("definition") == DEFINITION)
        .group_by("person_id")
        .agg(short=(pl.col("status") == "short_term").all())
        .filter("short")
    )
    return deaths.join(short, on="person_id", how="semi").select("subject_id")


def _counted(cells: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Return rows of `counts` from one row an event, every event certain."""
    return (
        cells.group_by(pl.date(pl.col("year"), 6, 30).alias("time"), *CELL)
        .agg(certain=pl.len().cast(pl.Int64))
        .with_columns(
            measure=pl.lit(measure),
            period=pl.lit("year"),
            definition=pl.lit(DEFINITION),
            count=pl.col("certain").cast(pl.Float64),
            unfinished=pl.lit(0, dtype=pl.Int64),
            variance_unfinished=pl.lit(0.0),
            provisional=pl.lit(value=False),
        )
    )


def count_residents(residents: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return the people expected on the list at 30 June of `years` by cell, as rows of `counts`.

    Somebody whose stay or absence is unfinished counts with the probability p of being a resident, with the
    variance p(1-p); sums are of millionths, so that no order of people matters.
    """
    p = pl.col("probability")
    return (
        residents.filter(p > 0, pl.col("reference_date").is_in([year_end(year) for year in years]))
        .join(people.select("person_id", *CELL), on="person_id", how="left")
        .with_columns(
            pl.col("nationality_group").cast(pl.String),
            pl.col("sex").cast(pl.String),
            cohort=pl.min_horizontal("cohort", pl.col("reference_date").dt.year()),
        )
        .group_by(pl.col("reference_date").alias("time"), *CELL)
        .agg(
            count=((p * MICRO).round().cast(pl.Int64).sum() / MICRO).round(6),
            certain=(p == 1).sum().cast(pl.Int64),
            unfinished=(p < 1).sum().cast(pl.Int64),
            variance_unfinished=((p * (1 - p) * MICRO).round().cast(pl.Int64).sum() / MICRO).round(6),
            provisional=(p < 1).any(),
        )
        .with_columns(measure=pl.lit("population"), period=pl.lit("day"), definition=pl.lit(DEFINITION))
    )
