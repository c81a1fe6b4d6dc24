"""The figure of the coverage factors of the administrative sources."""

import polars as pl

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
