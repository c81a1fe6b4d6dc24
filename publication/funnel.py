"""Counts of rows, subjects, people, residents and migrations at each step of the chain (`funnel.csv`)."""

from pathlib import Path

import polars as pl

from pipeline.tables import scan_table
from publication.row_selection import latest_total, of_published_definition, read_run_table
from publication.words import day, period

Step = tuple[str, str, str, int]


def funnel(tables: Path) -> pl.DataFrame:
    """Return one row a step: its code `step`, its `label`, the `unit` and the `number`.

    Migrations are counted by probability, without those that will become known later. A step whose table is
    missing is omitted.
    """
    steps = [*_rows(tables), *_people(tables), *_migrations(tables)]
    schema = {"step": pl.String, "label": pl.String, "unit": pl.String, "number": pl.Int64}
    return pl.DataFrame(steps, schema=schema, orient="row")


def _rows(tables: Path) -> list[Step]:
    ledger = read_run_table(tables, "ledger")
    if ledger.is_empty():
        return []
    rows_in, accepted = ledger.select(pl.col("rows_in", "accepted").sum()).row(0)
    return [("rows", "Rows in the extract files", "rows", rows_in), ("accepted", "Rows accepted", "rows", accepted)]


def _people(tables: Path) -> list[Step]:
    steps: list[Step] = []
    clusters = _lazy(tables, "clusters")
    if clusters is not None:
        best = clusters.filter(pl.col("draw") == 0)
        subjects, people = best.select(pl.len(), people=pl.col("person_id").n_unique()).collect().row(0)
        steps += [
            ("subjects", "Subjects: one person as recorded by one source", "subjects", subjects),
            ("people", "People, after linkage", "people", people),
        ]
    residents = _lazy(tables, "residents")
    if residents is not None:
        residents = residents.filter("published")
        last = residents.select(pl.col("reference_date").max()).collect().item()
        if last is not None:
            on_day = residents.filter(pl.col("resident"), pl.col("reference_date") == last)
            counted = on_day.select(pl.len()).collect().item()
            steps.append(("residents", f"Residents on {day(last)}, by evidence of residence", "people", counted))
    return steps


def _migrations(tables: Path) -> list[Step]:
    migrations = _lazy(tables, "migrations")
    year = latest_total(of_published_definition(read_run_table(tables, "flows")), "net")
    if migrations is None or year is None:
        return []
    dated = pl.col("date").is_between(year["period_start"], year["period_end"])
    counted = (
        migrations.filter(dated, pl.col("definition") == year["definition"])
        .group_by(pl.col("direction").cast(pl.String))
        .agg(pl.col("probability").sum().round().cast(pl.Int64))
        .collect()
    )
    by_direction = dict(counted.iter_rows())
    when = period(year["period_start"], year["period_end"])
    return [
        (direction, f"{direction.title()}s, {when}", "people", by_direction.get(direction, 0))
        for direction in ("immigration", "emigration")
    ]


def _lazy(tables: Path, name: str) -> pl.LazyFrame | None:
    path = tables / f"{name}.parquet"
    return scan_table(path) if path.exists() else None
