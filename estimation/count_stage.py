"""The stage `count`: people become counts by cell, and the coverage survey becomes coverage factors."""

from pathlib import Path

import polars as pl

from estimation.counted_people import counted_people
from estimation.coverage.estimate import CoverageEstimate, estimate_coverage
from estimation.coverage.linkage_error import USUAL_FALSE_LINK_RATE, LinkageError, survey_linkage_error
from estimation.coverage.survey import SURVEY, list_counts, people_known, people_on_list, people_surveyed
from estimation.measured_periods import MeasuredPeriods, measured_periods, warn_of_unmeasured
from estimation.migration_flows import count_migrations
from estimation.nowcast import add_late_migrations, count_late_migrations
from estimation.population_stocks import count_residents
from estimation.required_extracts import REQUIRED
from estimation.stages import CountStudy
from estimation.vital_events import VitalEvents, count_births, count_deaths
from pipeline.errors import UserError
from pipeline.ingest.accepted_rows import check_accepted_rows
from pipeline.schemas import Counts, save, table_path
from pipeline.stage import StageContext, StageResult
from pipeline.study import Periods
from pipeline.tables import read_table, write_table


def count(context: StageContext[CountStudy]) -> StageResult:
    """Write `counts`, `unmeasured`, `coverage` and `coverage_covariance` from what earlier stages wrote.

    Counts are of the periods that are measured; `unmeasured` says why the others of the study are not.
    """
    study, records = context.study, context.folders["ingest"] / "records"
    check_accepted_rows(context.folders["ingest"], REQUIRED, study.study_file)
    measured = _measured(context)
    save(measured.unmeasured, "unmeasured", context.out)
    context.report("counting people, migrations, births and deaths")
    clusters = _table(context, "link", "clusters").filter(pl.col("draw") == 0)
    known = _table(context, "stays", "people")
    people = counted_people(known, clusters, _table(context, "link", "mothers"))
    counts, births, deaths = _counts(context, measured.periods, records, clusters, people)
    save(counts, "counts", context.out)
    context.report("estimating coverage from the survey")
    spine = context.records["link"].facts["spine"]
    links = survey_linkage_error(_table(context, "link", "linkage_quality"), spine)
    coverage = _coverage(context, records, clusters, people, links)
    save(coverage.table, "coverage", context.out)
    write_table(coverage.covariance, context.out / "coverage_covariance.parquet", ["class_l", "class_r"])
    return _result(counts, coverage.table, known, births, deaths, links, measured)


def _measured(context: StageContext[CountStudy]) -> MeasuredPeriods:
    study = context.study
    read = [*context.records["stays"].facts["extracts"].split(", "), *REQUIRED]
    gaps = read_table(table_path(context.folders["ingest"], "gaps"))
    return measured_periods(study.periods, study.coverage.reference_date, gaps, read, study.study_file)


def _table(context: StageContext[CountStudy], stage: str, name: str) -> pl.DataFrame:
    return read_table(table_path(context.folders[stage], name))


def _counts(
    context: StageContext[CountStudy],
    periods: Periods,
    records: Path,
    clusters: pl.DataFrame,
    people: pl.DataFrame,
) -> tuple[pl.DataFrame, VitalEvents, VitalEvents]:
    definition = context.records["stays"].facts["definition"]
    of_definition = pl.col("definition") == definition
    migrations = _table(context, "stays", "migrations").filter(of_definition)
    births = count_births(_registered(records, "births", []), clusters, people, periods.flow_years)
    deaths = count_deaths(
        _registered(records, "deaths", ["date_of_death"]),
        clusters,
        people,
        migrations,
        _table(context, "stays", "stays").filter(of_definition),
        periods.flow_years,
    )
    measures = [
        _stocks(context, people, periods.stock_years),
        count_migrations(migrations, people, periods.flow_years),
        births.counts,
        deaths.counts,
    ]
    columns = [name for name in Counts.column_names() if name != "definition"]
    counts = pl.concat([one.select(columns) for one in measures], how="vertical_relaxed")
    return counts.with_columns(definition=pl.lit(definition)), births, deaths


def _stocks(context: StageContext[CountStudy], people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    migrations, residents = _table(context, "stays", "migrations"), _table(context, "stays", "residents")
    return add_late_migrations(
        count_residents(residents, people, years), count_late_migrations(migrations, people, years)
    )


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
    links: LinkageError,
) -> CoverageEstimate:
    study, day = context.study, context.study.coverage.reference_date
    listed = people_on_list(_table(context, "stays", "residents"), people, day)
    if listed.is_empty():
        raise UserError(
            f"{study.study_file}, [coverage]: nobody is on the list of residents on {day}. Set 'reference_date' to "
            "the survey's own day, 30 June of one of the 'stock_years'."
        )
    known = people_known(clusters, listed, context.records["link"].facts["spine"])
    surveyed = people_surveyed(records / f"{SURVEY}.parquet", clusters, listed, known, day)
    return estimate_coverage(
        list_counts(_stocks(context, people, (day.year,)), day),
        listed,
        surveyed,
        len(known),
        links,
        study.coverage,
        study.seed,
    )


def _result(
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    known: pl.DataFrame,
    births: VitalEvents,
    deaths: VitalEvents,
    links: LinkageError,
    measured: MeasuredPeriods,
) -> StageResult:
    without_birth = known["birth_month"].null_count()
    factor = float(coverage["estimated"].sum()) / max(int(coverage["listed"].sum()), 1)
    by_assumption = births.taken_as_british + deaths.taken_as_british
    yearly = counts.filter(pl.col("period") == "year")
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
        f"{len(measured.periods.flow_years)} years; coverage factor {factor:.3f} from "
        f"{coverage['matches'].sum():,} matches in {coverage.height} classes"
    )
    warnings = warn_of_unmeasured(measured.unmeasured)
    if without_birth:
        warnings.append(f"{without_birth:,} people without a month of birth were given the cohort of another person.")
    if by_assumption:
        warnings.append(f"{by_assumption:,} births and deaths that are linked to nobody were taken as British.")
    if not links.false_link_rate_is_known:
        warnings.append(
            "The clerical review shows no false-link rate, because too few of its people are not on the spine: "
            f"coverage takes 0 with a standard error of {USUAL_FALSE_LINK_RATE}."
        )
    warnings += [
        f"{extract}: no row is dated in the year ending June {year}; the account takes this as exactly zero."
        for extract, events in (("births", births), ("deaths", deaths))
        for year in events.empty_years
    ]
    return StageResult(counts=numbers, sentence=sentence, warnings=tuple(warnings))
