"""The figure of a report on coverage, and who is in each class of people, in words."""

import json

import polars as pl

from publication import charts, words
from publication.figures import Figure, Panel
from publication.published import DIMENSIONS
from publication.svg import draw


def coverage_figure(coverage: pl.DataFrame) -> Figure | None:
    """Return the coverage factor of each class with its interval; None without coverage."""
    if coverage.is_empty():
        return None
    reach = words.TWO_SIDED_95 * pl.col("standard_error")
    rows = (
        coverage.sort("survey_date", "coverage_class")
        .with_columns(lower=pl.col("factor") - reach, upper=pl.col("factor") + reach)
        .to_dicts()
    )
    labelled = [
        {"label": label, "estimate": row["factor"], "lower": row["lower"], "upper": row["upper"]}
        for label, row in zip(class_labels(coverage), rows, strict=True)
    ]
    least = min(rows, key=lambda row: row["factor"])["factor"]
    greatest = max(rows, key=lambda row: row["factor"])["factor"]
    span = f"{least:.3f}" if len(rows) == 1 else f"{least:.3f} to {greatest:.3f}"
    finding = f"For each person whom the sources count, the survey finds {span} who live here"
    told = f"Coverage factor with 95% interval for {len(rows)} classes of people, from {span}."
    picture = charts.ranges(labelled, width=480, note=1.0)
    return Figure(
        id="figure-coverage",
        finding=finding,
        panels=(Panel("", draw(picture, told, "coverage")),),
        note="Coverage factor by class of people, with its 95% interval; at the dashed line the "
        "sources count as many people as live here.",
        csv="coverage.csv",
    )


def class_labels(coverage: pl.DataFrame) -> list[str]:
    """Return who is in each coverage class, in words, in the order of survey date and class; all different."""
    labels = []
    for name, members in coverage.sort("survey_date", "coverage_class").select("coverage_class", "members").rows():
        label = _members_label(members) or name.replace("_", " ")
        labels.append(label if label not in labels else f"{label} ({name})")
    return labels


def _members_label(members: str) -> str | None:
    """Return a class as the product of its groups, such as "EU, aged 16 to 24"; None if it is no product."""
    try:
        cells = {tuple(cell) for cell in json.loads(members)}
        columns = list(zip(*cells, strict=True))
    except (ValueError, TypeError):
        return None
    if len(columns) != len(DIMENSIONS):
        return None
    found = [
        [code for code in codes if code in set(column)]
        for codes, column in zip(DIMENSIONS.values(), columns, strict=True)
    ]
    if len(cells) != len(found[0]) * len(found[1]) * len(found[2]):
        return None
    whole = [len(codes) == len(own) for codes, own in zip(DIMENSIONS.values(), found, strict=True)]
    said = [
        "" if whole[2] else words.listed([words.name(code, short=True) for code in found[2]]),
        "" if whole[0] else words.name(found[0][0], short=True).lower(),
        "" if whole[1] else f"aged {_ages(found[1])}",
    ]
    label = ", ".join(part for part in said if part) or "everybody"
    return label[0].upper() + label[1:]


def _ages(groups: list[str]) -> str:
    """Return neighbouring age groups as one span."""
    codes = DIMENSIONS["age_group"]
    first, last = codes.index(groups[0]), codes.index(groups[-1])
    if last - first + 1 != len(groups):
        return words.listed([words.name(code, short=True) for code in groups])
    lower = groups[0].partition("-")[0].rstrip("+")
    upper = groups[-1].partition("-")[2]
    return f"{lower} to {upper}" if upper else f"{lower} and over"
