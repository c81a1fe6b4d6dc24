"""Births and deaths of usual residents, counted by the sex, cohort and nationality group of the account."""

from dataclasses import dataclass

import polars as pl

from estimation.cells import BRITISH, COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.periods import year_ending
from estimation.registered_years import years_without_events


@dataclass(frozen=True)
class VitalEvents:
    """Rows of `counts`, how many registrations were assigned by assumption or left out, and years without any."""

    counts: pl.DataFrame
    taken_as_british: int = 0
    non_residents: float = 0
    empty_years: tuple[int, ...] = ()


def count_births(
    births: pl.DataFrame, clusters: pl.DataFrame, people: pl.DataFrame, stays: pl.DataFrame, years: tuple[int, ...]
) -> VitalEvents:
    """Return births of usual residents by sex and nationality group for `years` (ending 30 June).

    `births` has `subject_id, sex, birth_month, registration_date`; one without a month of birth is counted in the
    year of its registration, which the law wants within six weeks. `people` is that of `people_by_group`, so a birth
    is counted in the groups of its mother, else of the child itself, by their shares, else as British. `stays` are
    those of the published definition: a child counts with the probability that the stay into which it was born is
    long. Who is taken abroad before that was never a resident, and has no emigration that would take it off the
    stock again. Raises `UserError` if a year's are missing.
    """
    day = pl.coalesce("birth_month", "registration_date")
    empty_years = years_without_events(births, "births", day, years)
    found = _with_person(births, "births", clusters, people.select("person_id", "nationality_group", "share"))
    found = found.with_columns(year=year_ending(day), born=day).filter(pl.col("year").is_in(years))
    unknown = found.filter(pl.col("nationality_group").is_null()).height
    found = found.join(_staying(found, stays), on="subject_id", how="left", maintain_order="left")
    stays_here = pl.col("staying").fill_null(1.0)
    cells = found.with_columns(
        pl.col("nationality_group").fill_null(BRITISH),
        pl.col("sex").cast(pl.String),
        pl.col("share") * stays_here,
        cohort=pl.col("year"),
    )
    leave = found.unique("subject_id").select(exact_sum(1 - stays_here)).item()
    return VitalEvents(_counted(cells, "births"), unknown, round(leave, 1), empty_years)


def count_deaths(
    deaths: pl.DataFrame,
    clusters: pl.DataFrame,
    people: pl.DataFrame,
    migrations: pl.DataFrame,
    stays: pl.DataFrame,
    years: tuple[int, ...],
) -> VitalEvents:
    """Return deaths of usual residents by sex, cohort and nationality group for `years` (ending 30 June).

    `deaths` has `subject_id, sex, birth_month, date_of_death`; `stays` are those of the published definition.
    People who had emigrated, or whose stays were all short, are not usual residents; everyone else who dies here
    is, on the list or not. A death that is not linked to anyone keeps its own sex and month of birth and is taken
    as British. Raises `UserError` if the deaths of a year are missing.
    """
    empty_years = years_without_events(deaths, "deaths", pl.col("date_of_death"), years)
    found = _with_person(
        deaths, "deaths", clusters, people.select("person_id", "nationality_group", "share", "cohort")
    )
    found = found.with_columns(year=year_ending(pl.col("date_of_death"))).filter(pl.col("year").is_in(years))
    elsewhere = _emigrated(found, migrations).vstack(_only_short_stays(found, stays)).unique()
    residents = found.join(elsewhere, on="subject_id", how="anti")
    unknown = residents["nationality_group"].null_count()
    cells = residents.with_columns(
        pl.col("nationality_group").fill_null(BRITISH),
        pl.col("sex").cast(pl.String),
        cohort=pl.min_horizontal(pl.coalesce("cohort", year_ending(pl.col("birth_month"))), "year"),
    )
    non_residents = found["subject_id"].n_unique() - residents["subject_id"].n_unique()
    return VitalEvents(_counted(cells, "deaths"), unknown, non_residents, empty_years)


def _with_person(events: pl.DataFrame, source: str, clusters: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return events once for each row of `people` of the person of their subject; without one, nulls and share 1."""
    subjects = clusters.filter(pl.col("source") == source).select("subject_id", "person_id")
    return (
        events.join(subjects, on="subject_id", how="left")
        .join(people, on="person_id", how="left")
        .with_columns(pl.col("share").fill_null(1.0))
    )


def _staying(births: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return `subject_id` and the probability that the child's stay at birth is long, `staying`, where it has one.

    Of the day of birth the month is known: a stay that begins within it, or before and goes on, is that of the birth.
    """
    of_birth = (
        births.select("subject_id", "person_id", "born")
        .unique("subject_id")
        .join(stays.select("person_id", "start", "end", "probability"), on="person_id")
        .filter(
            pl.col("start") <= pl.col("born").dt.month_end(),
            pl.col("end").fill_null(pl.col("born")) >= pl.col("born"),
        )
    )
    return of_birth.group_by("subject_id").agg(staying=pl.col("probability").max())


def _emigrated(deaths: pl.DataFrame, migrations: pl.DataFrame) -> pl.DataFrame:
    """Return the subjects whose last migration before death was an emigration, at least as likely as not."""
    moves = migrations.filter(pl.col("probability") >= 0.5)
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
    short = stays.group_by("person_id").agg(short=(pl.col("status") == "short_term").all()).filter("short")
    return deaths.join(short, on="person_id", how="semi").select("subject_id")


def _counted(cells: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Return rows of `counts` from events, which are certain, by the shares of nationality groups."""
    return (
        cells.group_by(pl.date(pl.col("year"), 6, 30).alias("time"), *COUNT_CELL)
        .agg(
            count=exact_sum(pl.col("share")),
            certain=(pl.col("share") == 1).sum().cast(pl.Int64),
            variance_nationality=exact_sum(pl.col("share") * (1 - pl.col("share"))),
        )
        .with_columns(
            measure=pl.lit(measure),
            period=pl.lit("year"),
            unfinished=pl.lit(0, dtype=pl.Int64),
            variance_unfinished=pl.lit(0.0),
            variance_late=pl.lit(0.0),
            provisional=pl.lit(value=False),
        )
    )
