"""The figures of the coverage of the administrative sources: its factors, and the trimming curve."""

import polars as pl

from pipeline.schemas import ALL, TRIMMING_DEPTHS
from publication import words
from publication.charts.interval_charts import estimates_by_label
from publication.charts.svg import draw
from publication.coverage_class_names import class_names
from publication.figures.figure import Figure, Panel


def coverage_figure(coverage: pl.DataFrame) -> Figure | None:
    """Return the coverage factor of each class with its interval; None without coverage."""
    if coverage.is_empty():
        return None
    half_width = words.TWO_SIDED_95 * pl.col("standard_error")
    rows = (
        coverage.sort("survey_date", "coverage_class")
        .with_columns(lower=pl.col("factor") - half_width, upper=pl.col("factor") + half_width)
        .to_dicts()
    )
    labelled = [
        {"label": label, "estimate": row["factor"], "lower": row["lower"], "upper": row["upper"]}
        for label, row in zip(class_names(coverage), rows, strict=True)
    ]
    least = min(rows, key=lambda row: row["factor"])["factor"]
    greatest = max(rows, key=lambda row: row["factor"])["factor"]
    span = f"{least:.3f}" if len(rows) == 1 else f"{least:.3f} to {greatest:.3f}"
    estimated = span if len(rows) == 1 else f"between {least:.3f} and {greatest:.3f}, depending on the class,"
    finding = f"For each person counted by the sources, {estimated} usual residents are estimated"
    alternative = f"Coverage factor with 95% interval for {len(rows)} classes of people, from {span}."
    chart = estimates_by_label(labelled, width=480, reference=1.0)
    return Figure(
        id="figure-coverage",
        finding=finding,
        panels=(Panel("", draw(chart, alternative, "coverage")),),
        note="Coverage factor by class of people, with its 95% interval. At the dashed line the sources count as "
        "many people as are usually resident.",
        csv="coverage.csv",
    )


def trimming_figure(curve: pl.DataFrame) -> Figure | None:
    """Return the residents by the list trimmed to each depth, relative to those by the list used."""
    total = curve.filter(pl.col("nationality_group").cast(pl.String) == ALL) if curve.height else curve
    if total.is_empty() or not total.filter("used")["estimated"].sum():
        return None
    last = total.filter(pl.col("survey_date") == pl.col("survey_date").max()).sort("depth").to_dicts()
    used = next(row for row in last if row["used"])
    rows = [
        {
            "label": f"{row['depth']}: {TRIMMING_DEPTHS[row['depth']]}",
            "estimate": row["estimated"] / used["estimated"],
            "lower": (row["estimated"] - words.TWO_SIDED_95 * row["standard_error"]) / used["estimated"],
            "upper": (row["estimated"] + words.TWO_SIDED_95 * row["standard_error"]) / used["estimated"],
        }
        for row in last
    ]
    enough = next(row["depth"] for row in last if row["chosen"])
    finding = (
        f"The list is trimmed to depth {used['depth']}; by the survey's own curve, depth {enough} would be enough"
        if enough != used["depth"]
        else f"Trimming the list beyond depth {enough} changes the estimate by no more than one standard error"
    )
    alternative = f"Estimated residents at {len(rows)} depths of trimming, relative to depth {used['depth']}."
    chart = estimates_by_label(rows, width=480, reference=1.0)
    return Figure(
        id="figure-trimming",
        finding=finding,
        panels=(Panel("", draw(chart, alternative, "trimming")),),
        note="Estimated residents by the list trimmed to each depth, relative to those by the list that is used, "
        "with the 95% interval of sampling and linkage. Wrong records on the list make an estimate too high; all "
        "depths share one survey, so a step from one to the next is more certain than its intervals.",
        csv="trimming_curve.csv",
    )
