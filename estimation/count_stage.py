"""The stage `count`: people become counts by cell, and the coverage survey becomes coverage factors."""

from pathlib import Path

import polars as pl

from estimation.counted_people import counted_people
from estimation.coverage.estimate import CoverageEstimate, estimate_coverage
from estimation.coverage.linkage_error import survey_linkage_error
from estimation.coverage.survey import SURVEY, list_counts, people_known, people_on_list, people_surveyed
from estimation.migration_flows import count_migrations
from estimation.nowcast import add_late_migrations, count_late_migrations
from estimation.periods import DEFINITION
from estimation.population_stocks import count_residents
from estimation.stages import CountStudy
from estimation.vital_events import VitalEvents, count_births, count_deaths
from pipeline.errors import UserError
from pipeline.schemas import Counts, save, table_path
from pipeline.stage import StageContext, StageResult
from pipeline.tables import read_table, write_table


def count(context: StageContext[CountStudy]) -> StageResult:
    """Write `counts`, `coverage` and `coverage_covariance` from the folders of `ingest`, `link` and `stays`."""
    study, records = context.study, context.folders["ingest"] / "records"
    context.report("counting people, migrations, births and deaths")
    clusters = _table(context, "link", "clusters").filter(pl.col("draw") == 0)
    known = _table(context, "stays", "people")
    people = counted_people(known, clusters, _table(context, "link", "mothers"))
    counts, births, deaths = _counts(context, records, clusters, people)
    save(counts, "counts", context.out)
    context.report("estimating coverage from the survey")
    coverage = _coverage(context, records, clusters, people, counts)
    save(coverage.table, "coverage", context.out)
    write_table(coverage.covariance, context.out / "coverage_covariance.parquet", ["class_l", "class_r"])
    return _result(counts, coverage.table, known, births, deaths, len(study.periods.flow_years))


def _table(context: StageContext[CountStudy], stage: str, name: str) -> pl.DataFrame:
    return read_table(table_path(context.folders[stage], name))


def _counts(
    context: StageContext[CountStudy], records: Path, clusters: pl.DataFrame, people: pl.DataFrame
) -> tuple[pl.DataFrame, VitalEvents, VitalEvents]:
    periods = context.study.periods
    migrations, residents = _table(context, "stays", "migrations"), _table(context, "stays", "residents")
    births = count_births(_registered(records, "births", []), clusters, people, periods.flow_years)
    deaths = count_deaths(
        _registered(records, "deaths", ["date_of_death"]),
        clusters,
        people,
        migrations,
        _table(context, "stays", "stays"),
        periods.flow_years,
    )
    stocks = count_residents(residents, people, periods.stock_years)
    measures = [
        add_late_migrations(stocks, count_late_migrations(migrations, people, periods.stock_years)),
        count_migrations(migrations, people, periods.flow_years),
        births.counts,
        deaths.counts,
    ]
    return pl.concat([one.select(Counts.column_names()) for one in measures], how="vertical_relaxed"), births, deaths


def _registered(records: Path, extract: str, columns: list[str]) -> pl.DataFrame:
    path = records / f"{extract}.parquet"
    if not path.exists():
        raise UserError(
            f"{extract}: the study has no such extract, and the account takes {extract} as exact. Add it."
        )
    return read_table(path, columns=["subject_id", "sex", "birth_month", *columns])


def _coverage(
    context: StageContext[CountStudy],
    records: Path,
    clusters: pl.DataFrame,
    people: pl.DataFrame,
    counts: pl.DataFrame,
) -> CoverageEstimate:
    study, day = context.study, context.study.coverage.reference_date
    listed = people_on_list(_table(context, "stays", "residents"), people, day)
    if listed.is_empty():
        raise UserError(
            f"{study.study_file}, [coverage]: nobody is on the list of residents on {day}. Set 'reference_date' to "
            "the survey's own day, 30 June of one of the 'stock_years'."
        )
    spine = context.records["link"].facts["spine"]
    known = people_known(clusters, listed, spine)
    surveyed = people_surveyed(records / f"{SURVEY}.parquet", clusters, listed, known, day)
    links = survey_linkage_error(_table(context, "link", "linkage_quality"), spine)
    return estimate_coverage(
        list_counts(counts, day), listed, surveyed, len(known), links, study.coverage, study.seed
    )


def _result(
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    known: pl.DataFrame,
    births: VitalEvents,
    deaths: VitalEvents,
    years: int,
) -> StageResult:
    without_birth = known["birth_month"].null_count()
    factor = float(coverage["estimated"].sum()) / max(int(coverage["listed"].sum()), 1)
    by_assumption = births.taken_as_british + deaths.taken_as_british
    yearly = counts.filter(pl.col("period") == "year", pl.col("definition") == DEFINITION)
    numbers = {
        "cells": counts.height,
        "coverage_classes": coverage.height,
        "coverage_factor": round(factor, 4),
        "without_birth_month": without_birth,
        "registrations_taken_as_british": by_assumption,
        "deaths_of_non_residents": deaths.non_residents,
    } | {
        name: round(float(yearly.filter(pl.col("measure") == name)["count"].sum()), 1)
        for name in ("immigration", "emigration", "births", "deaths")
    }
    sentence = (
        f"{numbers['immigration']:,.0f} immigrations and {numbers['emigration']:,.0f} emigrations counted in "
        f"{years} years; coverage factor {factor:.3f} from "
        f"{coverage['matches'].sum():,} matches in {coverage.height} classes"
    )
    warnings = []
    if without_birth:
        warnings.append(f"{without_birth:,} people without a month of birth were given the cohort of another person.")
    if by_assumption:
        warnings.append(f"{by_assumption:,} births and deaths that are linked to nobody were taken as British.")
    return StageResult(counts=numbers, sentence=sentence, warnings=tuple(warnings))
