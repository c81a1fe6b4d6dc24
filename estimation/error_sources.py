"""Every known source of error, and whether the published intervals include it."""

import numpy as np
import polars as pl

from pipeline.study import FlowErrors

NOT_MEASURED = (
    (
        "drift of the coverage factor",
        "population",
        "The factor of the survey's year serves all years; how it changes between years is not known.",
    ),
    (
        "recall by group",
        "population",
        "One recall and one false-link rate, those of links to the spine, serve all classes and sources.",
    ),
    (
        "change of the list over time",
        "all",
        "Errors of the list are taken as independent between years; the same people are often missed again.",
    ),
    (
        "classification by the rules",
        "immigration, emigration",
        "Stays that the rules misclassify are covered only by the declared errors of flows.",
    ),
    (
        "linkage in flows",
        "immigration, emigration",
        "Missed and false links create and hide migrations; links are not resampled yet.",
    ),
    (
        "shares of unfinished stays",
        "immigration, emigration",
        "Unfinished stays count at the share of the year before; changes in this share are not included.",
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
    declared: float,
    flow_errors: FlowErrors,
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
) -> pl.DataFrame:
    """Return the table `error_sources`; relative standard errors are those of the national total.

    `declared` is the declared relative standard error of all coverage factors, `flow_errors` those of flows.
    """
    sampling, linkage = _survey_errors(coverage, covariance)
    rows = [
        (
            "sampling of the coverage survey",
            "estimated",
            "population",
            sampling,
            "Cluster bootstrap of the survey; shared by all cells of a class in all years.",
        ),
        (
            "linkage of the coverage survey",
            "estimated",
            "population",
            linkage,
            "Recall and false-link rate from clerical review; shared by all classes.",
        ),
        (
            "random errors of the lists",
            "estimated",
            "population",
            None,
            "People missed or wrongly listed at random, independently by cell, at the rates that the survey shows.",
        ),
        (
            "chance variation of flows",
            "estimated",
            "immigration, emigration",
            None,
            "Poisson variance of every cell.",
        ),
        (
            "unfinished stays",
            "estimated",
            "immigration, emigration",
            _unfinished_error(counts),
            "Variance of stays and absences that are too recent to be classified, each independent of the others.",
        ),
    ]
    rows.append(
        (
            "nationality of people",
            "estimated",
            "population, immigration, emigration",
            None,
            "People whose nationality group is a probability: groups gain what others lose, and totals are the same.",
        )
    )
    rows.append(
        (
            "what the survey cannot show",
            "declared",
            "population",
            declared,
            (
                f"Assumption of the study: relative standard error {declared:.1%}, shared by all classes and years, "
                "for people who left but look present, and for people whom both the sources and the survey miss."
            ),
        )
    )
    rows += [
        (
            f"error of {measure}",
            "declared",
            measure,
            error,
            f"Assumption of the study: relative standard error {error:.0%}, shared by all cells of a year.",
        )
        for measure, error in sorted(flow_errors.model_dump().items())
    ]
    rows += [(name, "not measured", measure, None, description) for name, measure, description in NOT_MEASURED]
    schema = ["error_source", "treatment", "measure", "relative_standard_error", "description"]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("relative_standard_error").cast(pl.Float64).round(6)
    )


def _survey_errors(coverage: pl.DataFrame, covariance: pl.DataFrame) -> tuple[float, float]:
    """Return the relative standard errors of the survey's total from sampling and from linkage.

    The variance of the total is the sum, over pairs of classes, of the covariance of their factors' relative
    errors times both estimates.
    """
    estimated = dict(coverage.select("coverage_class", "estimated").iter_rows())
    total = sum(estimated.values())
    ordered = covariance.sort("class_l", "class_r")
    products = [
        estimated[left] * estimated[right] for left, right in ordered.select("class_l", "class_r").iter_rows()
    ]
    sampling, linkage = (
        float(np.dot(products, ordered[name].to_numpy())) / total**2 for name in ("sampling", "linkage")
    )
    return max(sampling, 0.0) ** 0.5, max(linkage, 0.0) ** 0.5


def _unfinished_error(counts: pl.DataFrame) -> float | None:
    """Return the relative standard error of the latest year's gross flows from unfinished stays."""
    yearly = counts.filter(pl.col("period") == "year", pl.col("measure").is_in(["immigration", "emigration"]))
    if yearly.is_empty():
        return None
    latest = yearly.filter(pl.col("time") == pl.col("time").max()).sort(
        "measure", "sex", "cohort", "nationality_group"
    )
    total = float(np.sum(latest["count"].to_numpy()))
    return float(np.sum(latest["variance_unfinished"].to_numpy())) ** 0.5 / total if total else None
