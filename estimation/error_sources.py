"""Every known source of error, and whether the published intervals include it."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.exact_sums import exact_sum
from estimation.interval_sources import (
    AGES,
    CHILDREN_LEFT,
    DEPENDENCE,
    DRIFT,
    LATE,
    LEFT,
    LIST_ERRORS,
    NATIONALITY,
    QUARTERS,
    SAMPLING,
    SMALLEST_LIST_ERROR,
    SURVEY_LINKAGE,
    UNFINISHED,
    not_known_yet,
    of_children,
    of_group,
    of_year,
    wrong_cases,
)
from pipeline.schemas import GROWN_UP_AGE
from pipeline.study import CoverageSettings, FlowErrors

NOT_MEASURED = (
    (
        DRIFT,
        "population",
        "The factor of the survey's year serves all years; how it changes between years is not known.",
    ),
    (
        "false links by group",
        "population",
        "One false-link rate serves all classes and sources, and recall differs by nationality group alone.",
    ),
    (
        "change of the list over time",
        "all",
        "The list is taken to err by mostly the same people in all years; whom else it misses is not known.",
    ),
    (
        "classification by the rules",
        "immigration, emigration",
        "How many stays the rules misclassify in this study is not known: what is declared is from simulations.",
    ),
    (
        "linkage in flows",
        "immigration, emigration",
        "Missed and false links create and hide migrations; `sojourn replicates` shows how much they vary.",
    ),
    (
        "shares of unfinished stays",
        "immigration, emigration",
        "Unfinished stays count at the share of the year before; that it changes is in a declared error alone.",
    ),
    (
        "sex, age and shares of nationality",
        "all",
        "Everybody is counted by the sex and age on record, and the shares of nationality groups are taken as right.",
    ),
    (
        "registration of births and deaths",
        "births, deaths",
        "Births and deaths enter as exact: registrations that are late, missing or not linked are not included.",
    ),
)


def error_sources(
    settings: CoverageSettings,
    flow_errors: FlowErrors,
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
) -> pl.DataFrame:
    """Return the table `error_sources`; relative standard errors are those of the national total.

    `settings` and `flow_errors` have those that are declared. Where factors are of years, `covariance` is that of
    classes and years, and what is said of coverage is true of the last year.
    """
    if "year_l" in covariance.columns:
        last = pl.col("year_l").max()
        covariance = covariance.filter(pl.col("year_l") == last, pl.col("year_r") == last)
    sampling, linkage, dependence, *drift = _survey_errors(coverage, covariance)
    rows = [
        (
            SAMPLING,
            "estimated",
            "population",
            sampling,
            "Cluster bootstrap of the survey; shared by all cells of a class in all years.",
        ),
        (
            SURVEY_LINKAGE,
            "estimated",
            "population",
            linkage,
            "Recall and false-link rate from clerical review; shared by all classes.",
        ),
        (
            LIST_ERRORS,
            "estimated",
            "population",
            None,
            "People missed or wrongly counted at random, as the survey shows; a whole class errs by its factor.",
        ),
        (
            AGES,
            "estimated",
            "population",
            None,
            "How far the coverage of single ages differs from that of their class, as far as the survey shows it.",
        ),
        (
            UNFINISHED,
            "estimated",
            "population, immigration, emigration",
            _unfinished_error(counts, pl.col("variance_unfinished") - pl.col("variance_late")),
            "Variance of stays and absences that are too recent to be classified, each independent of the others.",
        ),
        (
            LATE,
            "estimated",
            "population, immigration, emigration",
            _unfinished_error(counts, pl.col("variance_late")),
            "Reporting delay: variance of the migrations that are expected to become known after the data date.",
        ),
        (
            NATIONALITY,
            "estimated",
            "population, immigration, emigration",
            None,
            "People whose nationality group is a probability: groups gain what others lose, and totals are the same.",
        ),
        (
            LEFT,
            "declared",
            "population",
            settings.declared_error,
            f"Assumption of the study: relative standard error {settings.declared_error:.1%}, shared by all years.",
        ),
        (
            CHILDREN_LEFT,
            "declared",
            "population",
            settings.children_error,
            f"Assumption of the study: relative standard error {settings.children_error:.1%}, shared by all years.",
        ),
        (
            DEPENDENCE,
            "declared",
            "population",
            dependence,
            (
                "Assumption of the study: the odds ratio of being on the list and answering the survey is 1, the "
                f"standard error of its logarithm {settings.list_dependence:g}; shared by all classes and years."
            ),
        ),
        *(
            (
                DRIFT,
                "declared",
                "population",
                error,
                (
                    "Assumption of the study: relative standard deviation of what a factor changes by in a year: "
                    + ", ".join(f"{group} {step:.1%}" for group, step in settings.drift.model_dump().items())
                    + "."
                ),
            )
            for error in drift
        ),
        (
            SMALLEST_LIST_ERROR,
            "declared",
            "population",
            None,
            "Assumption of Sojourn: even a list without errors has a variance of 0.01 for each resident of a cell.",
        ),
        *(row for measure in GROSS_FLOWS for row in _declared_of_flow(measure, flow_errors, counts)),
        (
            QUARTERS,
            "declared",
            "immigration, emigration",
            None,
            _declared_of_quarters(flow_errors),
        ),
    ]
    rows += [
        (name, "not measured", measure, None, description)
        for name, measure, description in NOT_MEASURED
        if not (drift and name == DRIFT)
    ]
    schema = ["error_source", "treatment", "measure", "relative_standard_error", "description"]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("relative_standard_error").cast(pl.Float64).round(6)
    )


def with_estimated_scales(sources: pl.DataFrame, biases: pl.DataFrame) -> pl.DataFrame:
    """Return the table with the declared errors whose size the account estimated marked as `estimated`.

    `biases` is the table `account_biases`.
    """
    found = biases.filter(pl.col("scale") == "estimated").select("term", "sd", "declared_sd")
    for measure in GROSS_FLOWS:
        kinds = {
            of_year(measure): rf"^{measure} \d+$", of_group(measure): rf"^{measure} [A-Za-z]+(_[A-Za-z]+)?$",
        }  # fmt: skip
        for name, pattern in kinds.items():
            of_kind = found.filter(pl.col("term").str.contains(pattern))
            if of_kind.is_empty():
                continue
            used, declared = float(of_kind["sd"][0]), float(of_kind["declared_sd"][0])
            row = pl.col("error_source") == name
            says = (
                f"Relative standard error {used:.1%}, by the contradictions of the account; {declared:.1%} declared."
            )
            sources = sources.with_columns(
                treatment=pl.when(row).then(pl.lit("estimated")).otherwise("treatment"),
                relative_standard_error=pl.when(row).then(round(used, 6)).otherwise("relative_standard_error"),
                description=pl.when(row).then(pl.lit(says)).otherwise("description"),
            )
    return sources


def _declared_of_quarters(flow_errors: FlowErrors) -> str:
    misdated = " and ".join(f"{flow_errors.of_quarters(measure):g} of {measure}" for measure in GROSS_FLOWS)
    return (
        f"Assumption of the study: for each migration of a year, in another quarter than its own: {misdated}; and a "
        f"relative standard error of {flow_errors.season:.1%} of a quarter in all years. Of quarters alone."
    )


def _declared_of_flow(
    measure: str, flow_errors: FlowErrors, counts: pl.DataFrame
) -> Iterator[tuple[str, str, str, float | None, str]]:
    """Yield the declared errors of a gross flow."""
    of_case = flow_errors.of_case(measure)
    years = counts.filter(pl.col("measure").cast(pl.String) == measure, pl.col("period").cast(pl.String) == "year")
    child = pl.col("time").dt.year() - pl.col("cohort") < GROWN_UP_AGE
    sizes = years.group_by("time", child=child, group=pl.col("nationality_group").cast(pl.String)).agg(
        exact_sum(pl.col("count"))
    )
    of_years = [
        sum(of_case[group, child] * size for group, child, size in own.select("group", "child", "count").iter_rows())
        ** 0.5
        / max(float(own["count"].sum()), 1.0)
        for _, own in sizes.sort("time", "group", "child").group_by("time", maintain_order=True)
    ]
    yield (
        wrong_cases(measure),
        "declared",
        measure,
        sum(of_years) / len(of_years) if of_years else None,
        "Assumption of the study: migrations that are false, missed or in another year, each by itself"
        + (", and the chance that they happened at all." if flow_errors.chance else "."),
    )
    stated = (
        (of_group(measure), flow_errors.by_group, "of a nationality group, in all years"),
        (of_children(measure), flow_errors.children, "of those below 16, in all years"),
        (of_year(measure), flow_errors.of_year(measure), "shared by the cells of a year"),
    )
    for name, error, says in stated:
        yield (
            name,
            "declared",
            measure,
            error,
            f"Assumption of the study: relative standard error {error:.1%} {says}.",
        )
    late = ", ".join(f"{group} {error:.1%}" for group, error in flow_errors.of_open_cases(measure).items())
    yield (
        not_known_yet(measure),
        "declared",
        measure,
        None,
        f"Assumption of the study: relative standard error of cases that are not decided yet: {late}.",
    )


def _survey_errors(coverage: pl.DataFrame, covariance: pl.DataFrame) -> tuple[float, ...]:
    """Return the relative standard errors of the survey's total from sampling, linkage, dependence and any drift.

    The variance of the total is the sum, over pairs of classes, of the covariance of their factors' relative
    errors times both estimates.
    """
    estimated = dict(coverage.select("coverage_class", "estimated").iter_rows())
    total = sum(estimated.values())
    ordered = covariance.sort("class_l", "class_r")
    products = [
        estimated[left] * estimated[right] for left, right in ordered.select("class_l", "class_r").iter_rows()
    ]
    return tuple(
        max(float(np.dot(products, ordered[name].to_numpy())) / total**2, 0.0) ** 0.5
        for name in ("sampling", "linkage", "dependence", "drift")
        if name in covariance.columns
    )


def _unfinished_error(counts: pl.DataFrame, variance: pl.Expr) -> float | None:
    """Return the relative standard error of the latest year's gross flows from a variance of their cells."""
    yearly = counts.filter(pl.col("period") == "year", pl.col("measure").is_in(["immigration", "emigration"]))
    if yearly.is_empty():
        return None
    latest = yearly.filter(pl.col("time") == pl.col("time").max()).sort(
        "measure", "sex", "cohort", "nationality_group"
    )
    total = float(np.sum(latest["count"].to_numpy()))
    return float(np.sum(latest.select(variance).to_series().to_numpy())) ** 0.5 / total if total else None
