"""The stage `count`: people become counts by cell, and the coverage survey becomes coverage factors.

A study without births, deaths, or a coverage survey and its review is counted without them; the steps that are
skipped are in the result, and the account, which needs them all, is then not measured.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.counted_people import counted_people, people_by_group
from estimation.coverage.arrivals import coverage_of_arrivals
from estimation.coverage.counted_once import counted_once
from estimation.coverage.estimate import CoverageEstimate, estimate_coverage
from estimation.coverage.factors_by_year import CoverageByYear, factors_by_year, in_classes
from estimation.coverage.linkage_error import USUAL_FALSE_LINK_RATE, LinkageError, survey_linkage_error
from estimation.coverage.other_surveys import check_same_list
from estimation.coverage.over_coverage import over_coverage
from estimation.coverage.sampled_postcodes import at_sampled_postcodes, people_found, postcodes_of
from estimation.coverage.survey import (
    SURVEY,
    list_counts,
    people_known,
    people_on_list,
    people_surveyed,
    survey_answers,
)
from estimation.flow_categories import count_categories
from estimation.measured_periods import MeasuredPeriods, measured_periods, skipped_periods, warn_of_unmeasured
from estimation.migration_flows import count_migrations
from estimation.nationality_error import nationality_covariance
from estimation.nowcast import add_late_migrations, count_late_migrations, expected_moves
from estimation.population_stocks import count_residents
from estimation.required_extracts import REQUIRED
from estimation.stages import CountStudy
from estimation.vital_events import VitalEvents, count_births, count_deaths
from pipeline.errors import UserError
from pipeline.ingest.accepted_rows import check_accepted_rows
from pipeline.schemas import Counts, save, table_path
from pipeline.stage import Skip, StageContext, StageResult
from pipeline.study import Periods
from pipeline.tables import read_table, write_table


def count(context: StageContext[CountStudy]) -> StageResult:
    """Write `counts`, `flow_categories`, `unmeasured`, `coverage`, and covariances of coverage and nationality.

    With surveys of other runs, the factors of years are in `coverage_by_year`.

    Counts are of the periods that are measured; `unmeasured` says why the others of the study are not. Steps that the
    study lacks the extracts of are skipped, and everything if there are no stays.
    """
    study, records = context.study, context.folders["ingest"] / "records"
    check_accepted_rows(context.folders["ingest"], REQUIRED, study.study_file)
    definition = {"definition": context.records["stays"].facts["definition"]}
    no_stays = context.records["stays"].skip
    if no_stays is not None:
        save(skipped_periods(study.periods, [no_stays]), "unmeasured", context.out)
        return StageResult.skipped(
            Skip("count", f"there are no stays: {no_stays.reason}", no_stays.lacks), definition
        )
    skips = _skips(context)
    measured = _measured(context, skips)
    unmeasured = pl.concat([measured.unmeasured, skipped_periods(study.periods, skips)])
    save(unmeasured, "unmeasured", context.out)
    context.report("counting people, migrations, births and deaths")
    clusters = _table(context, "link", "clusters").filter(pl.col("draw") == 0)
    known = _table(context, "stays", "people")
    mothers = _table(context, "link", "mothers")
    counted = counted_people(known, clusters, mothers)
    people = people_by_group(counted, _table(context, "stays", "people_nationality"), clusters, mothers)
    counts, events = _counts(context, measured.periods, clusters, people, skips)
    save(counts, "counts", context.out)
    moves = _moves(context)
    save(count_categories(moves, people, known, measured.periods.flow_years), "flow_categories", context.out)
    _write_nationality_covariance(context, people)
    links, coverage = None, None
    if not _is_skipped("coverage", skips):
        context.report("estimating coverage from the survey")
        links = survey_linkage_error(
            _table(context, "link", "linkage_quality"), context.records["link"].facts["spine"]
        )
        coverage, wrong = _coverage(context, records, clusters, people, links)
        save(coverage.table, "coverage", context.out)
        write_table(coverage.covariance, context.out / "coverage_covariance.parquet", ["class_l", "class_r"])
        save(coverage.ages, "coverage_ages", context.out)
        save(coverage.dependence, "dependence_sensitivity", context.out)
        save(coverage.curve, "trimming_curve", context.out)
        save(wrong, "over_coverage", context.out)
        day = context.study.coverage.reference_date
        answers = survey_answers(records / f"{SURVEY}.parquet", day)
        stays = _published(context, "stays")
        save(coverage_of_arrivals(answers, clusters, stays, links, day), "coverage_of_arrivals", context.out)
        if context.study.other_surveys:
            by_year = _coverage_by_year(context, people, coverage, measured.periods.stock_years)
            save(by_year.table, "coverage_by_year", context.out)
            key = ["class_l", "year_l", "class_r", "year_r"]
            write_table(by_year.covariance, context.out / "coverage_by_year_covariance.parquet", key)
    summary = _summary(counts, events, known, None if coverage is None else coverage.table, measured.periods)
    return replace(
        summary,
        facts=definition,
        skips=skips,
        warnings=(*warn_of_unmeasured(measured.unmeasured), *_warnings(known, events, links)),
    )


def _skips(context: StageContext[CountStudy]) -> tuple[Skip, ...]:
    """Return the steps that are skipped: those without their extracts, and coverage if the study has no spine."""
    skips = context.study.skips
    if _is_skipped("coverage", skips) or context.records["link"].facts.get("spine"):
        return skips
    reason = "the study has no spine, and the review shows how well the survey was linked with the spine"
    return (*skips, Skip("coverage", reason))


def _is_skipped(step: str, skips: tuple[Skip, ...]) -> bool:
    return step in {skip.step for skip in skips}


def _measured(context: StageContext[CountStudy], skips: tuple[Skip, ...]) -> MeasuredPeriods:
    study = context.study
    read = [*context.records["stays"].facts["extracts"].split(", "), *REQUIRED]
    gaps = read_table(table_path(context.folders["ingest"], "gaps"))
    survey_day = None if _is_skipped("coverage", skips) else study.coverage.reference_date
    return measured_periods(study.periods, survey_day, gaps, read, study.study_file)


def _table(context: StageContext[CountStudy], stage: str, name: str) -> pl.DataFrame:
    return read_table(table_path(context.folders[stage], name))


def _counts(
    context: StageContext[CountStudy],
    periods: Periods,
    clusters: pl.DataFrame,
    people: pl.DataFrame,
    skips: tuple[Skip, ...],
) -> tuple[pl.DataFrame, dict[str, VitalEvents]]:
    """Return the table `counts`, and births and deaths by name, as far as they are counted."""
    definition = context.records["stays"].facts["definition"]
    moves, migrations = _moves(context), _published(context, "migrations")
    stays = _published(context, "stays")
    events: dict[str, VitalEvents] = {}
    if not _is_skipped("births", skips):
        events["births"] = count_births(
            _registered(context, "births", ["registration_date"]), clusters, people, stays, periods.flow_years
        )
    if not _is_skipped("deaths", skips):
        events["deaths"] = count_deaths(
            _registered(context, "deaths", ["date_of_death"]),
            clusters,
            people,
            migrations,
            stays,
            periods.flow_years,
        )
    measures = [
        _stocks(context, people, periods.stock_years),
        count_migrations(moves, people, periods.flow_years, _table(context, "stays", "flow_completeness")),
        *(one.counts for one in events.values()),
    ]
    columns = [name for name in Counts.column_names() if name != "definition"]
    counts = pl.concat([one.select(columns) for one in measures], how="vertical_relaxed")
    return counts.with_columns(definition=pl.lit(definition)), events


def _stocks(context: StageContext[CountStudy], people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    residents = count_residents(_published_residents(context), people, years)
    return add_late_migrations(residents, count_late_migrations(_moves(context), people, years))


def _moves(context: StageContext[CountStudy]) -> pl.DataFrame:
    """Return the migrations, known and late, by the definition that the study publishes."""
    return expected_moves(_published(context, "migrations"), _published(context, "late_migrations"))


def _published(context: StageContext[CountStudy], name: str) -> pl.DataFrame:
    definition = context.records["stays"].facts["definition"]
    return _table(context, "stays", name).filter(pl.col("definition") == definition)


def _write_nationality_covariance(context: StageContext[CountStudy], people: pl.DataFrame) -> None:
    covariance = nationality_covariance(_published_residents(context), _moves(context), people)
    path = context.out / "nationality_covariance.parquet"
    write_table(covariance, path, ["measure", "time", "group_l", "group_r"])


def _published_residents(context: StageContext[CountStudy]) -> pl.DataFrame:
    """Return the residents by the family of rules that the rule set publishes."""
    return _table(context, "stays", "residents").filter("published")


def _registered(context: StageContext[CountStudy], extract: str, columns: list[str]) -> pl.DataFrame:
    path = context.folders["ingest"] / "records" / f"{extract}.parquet"
    return read_table(path, columns=["subject_id", "sex", "birth_month", *columns])


def _coverage(
    context: StageContext[CountStudy],
    records: Path,
    clusters: pl.DataFrame,
    people: pl.DataFrame,
    links: LinkageError,
) -> tuple[CoverageEstimate, pl.DataFrame]:
    """Return the coverage of the survey's day, and the table `over_coverage` that checks it."""
    study, day = context.study, context.study.coverage.reference_date
    listed = people_on_list(_published_residents(context), people, day)
    if listed.is_empty():
        raise UserError(
            f"{study.study_file}, [coverage]: nobody is on the list of residents on {day}. Set 'reference_date' to "
            "the survey's own day, 30 June of one of the 'stock_years'."
        )
    spine = context.records["link"].facts["spine"]
    listed = counted_once(
        listed,
        _table(context, "link", "possibly_one"),
        _table(context, "link", "link_errors"),
        clusters.filter(pl.col("source") == spine)["person_id"],
    )
    known = people_known(clusters, people, _published_residents(context), listed, spine, day)
    answers = survey_answers(records / f"{SURVEY}.parquet", day)
    surveyed = people_surveyed(answers, clusters, listed, known, day)
    counted = list_counts(_stocks(context, people, (day.year,)), day)
    estimate = estimate_coverage(
        counted,
        listed,
        surveyed,
        known["person_id"].n_unique(),
        links,
        study.coverage,
        study.seed,
        study.trimming_depth,
    )
    tokens = context.folders["ingest"] / "tokens"
    postcodes = (postcodes_of(tokens / f"{source}.parquet") for source in (SURVEY, spine))
    places = at_sampled_postcodes(answers, *postcodes, clusters, spine)
    found = people_found(answers, clusters)
    return estimate, over_coverage(
        estimate.table, counted, listed, surveyed, known["person_id"].n_unique(), places, found
    )


def _coverage_by_year(
    context: StageContext[CountStudy], people: pl.DataFrame, own: CoverageEstimate, years: tuple[int, ...]
) -> CoverageByYear:
    """Return the factors of `years` from the study's survey, whose estimate is `own`, and those of other runs."""
    study = context.study
    counted_on = {
        day: list_counts(_stocks(context, people, (day.year,)), day)
        for day in (study.coverage.reference_date, *(other.day for other in study.other_surveys))
    }
    found = [(study.coverage.reference_date, own.table, own.covariance)]
    for other in study.other_surveys:
        table, covariance = other.tables()
        where = f"{study.study_file}, [coverage] 'other_surveys'"
        check_same_list(other, table, float(counted_on[other.day]["count"].sum()), where)
        found.append((other.day, table, covariance))
    surveys = [
        in_classes(day.year, table, covariance, own.table, counted_on[day]) for day, table, covariance in found
    ]
    drift = study.coverage.drift.model_dump()
    return factors_by_year(
        own.table, own.covariance, surveys, years, drift, counted_on[study.coverage.reference_date]
    )


def _summary(
    counts: pl.DataFrame,
    events: Mapping[str, VitalEvents],
    known: pl.DataFrame,
    coverage: pl.DataFrame | None,
    periods: Periods,
) -> StageResult:
    """Return the numbers and the line of the stage; what is not measured has no number."""
    yearly = counts.filter(pl.col("period") == "year")
    numbers: dict[str, int | float] = {
        "cells": counts.height, "without_birth_month": known["birth_month"].null_count(),
    }  # fmt: skip
    if events:
        numbers["registrations_taken_as_british"] = sum(one.taken_as_british for one in events.values())
    for name, one in events.items():
        numbers[f"{name}_of_non_residents"] = one.non_residents
    for name in (*GROSS_FLOWS, *events):
        numbers[name] = round(float(yearly.filter(pl.col("measure") == name)["count"].sum()), 1)
    sentence = (
        f"{numbers['immigration']:,.0f} immigrations and {numbers['emigration']:,.0f} emigrations counted in "
        f"{len(periods.flow_years)} years"
    )
    if coverage is not None:
        factor = float(coverage["estimated"].sum()) / max(int(coverage["listed"].sum()), 1)
        numbers |= {"coverage_classes": coverage.height, "coverage_factor": round(factor, 4)}
        sentence += (
            f"; coverage factor {factor:.3f} from {coverage['matches'].sum():,} matches in {coverage.height} classes"
        )
    return StageResult(counts=numbers, sentence=sentence)


def _warnings(known: pl.DataFrame, events: Mapping[str, VitalEvents], links: LinkageError | None) -> list[str]:
    """Return what was assumed of people and registrations, and what the clerical review does not show."""
    without_birth = known["birth_month"].null_count()
    by_assumption = sum(one.taken_as_british for one in events.values())
    warnings = []
    if without_birth:
        warnings.append(f"{without_birth:,} people without a month of birth were given the cohort of another person.")
    if by_assumption:
        warnings.append(f"{by_assumption:,} births and deaths that are linked to nobody were taken as British.")
    if links is not None and not links.false_link_rate_is_known:
        warnings.append(
            "Neither review nor linkage shows a false-link rate, because too few people are not on the spine: "
            f"coverage takes 0 with a standard error of {USUAL_FALSE_LINK_RATE}."
        )
    if links is not None and links.contradicted:
        warnings.append(
            f"The clerical review finds that {links.false_link_rate:.0%} of the survey people who are not on the "
            "spine are linked, and linkage expects another share: coverage takes the review's. Look at review_sample."
        )
    warnings += [
        f"{extract}: no row is dated in the year ending June {year}; the account takes this as exactly zero."
        for extract, one in events.items()
        for year in one.empty_years
    ]
    return warnings
