"""The table of what the intervals of the headline figures consist of, by source of error, assumptions marked."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.schemas import INTERVAL_PARTS
from publication import words
from publication.report_tables.report_table import STATUS_MARKS, ReportTable
from publication.row_selection import parts_of_figure

TREATMENTS = {"estimated": "estimated", "declared": "declared: an assumption"}


def interval_table(
    parts: pl.DataFrame, figures: Sequence[Mapping[str, Any]], sources: pl.DataFrame
) -> ReportTable | None:
    """Return the shares of the variance of `figures`, rows of `flows` or `stocks`, by part and treatment.

    `parts` is the table `interval_parts` as text, `sources` the table `error_sources`, which names what is not
    measured.
    """
    found = [parts_of_figure(parts, row) for row in figures]
    shown = [(row, own) for row, own in zip(figures, found, strict=True) if not own.is_empty()]
    if not shown:
        return None
    every = pl.concat([own for _, own in shown])
    lines = []
    for part in INTERVAL_PARTS:
        for treatment, treated in TREATMENTS.items():
            here = (pl.col("part") == part) & (pl.col("treatment") == treatment)
            if every.filter(here).is_empty():
                continue
            names = _names(every.filter(here))
            lines.append(
                (
                    words.sentence_case(part),
                    treated,
                    words.sentence_case(", ".join(names)),
                    *(_share(own, here) for _, own in shown),
                )
            )
    assumed = pl.col("treatment") == "declared"
    return ReportTable(
        caption="What the intervals consist of: shares of the variance of the headline figures",
        columns=("Part", "Treatment", "Sources of error", *(_heading(row) for row, _ in shown)),
        rows=(
            *lines,
            ("All assumptions", TREATMENTS["declared"], "", *(_share(own, assumed) for _, own in shown)),
            (
                "Standard error, people",
                "",
                "",
                *(words.number(row["standard_error"]) for row, _ in shown),
            ),
        ),
        numeric=tuple(range(3, 3 + len(shown))),
        note="Shares of a figure add up to 100%, but for rounding. They are of its variance, the square of its "
        "standard error, before an interval is cut at 0: a part of 25% alone would give an interval half as wide. "
        f"The account reconciles stocks with flows, so errors of either are in both. {_not_measured(sources)}",
        csv="interval_parts.csv",
    )


def _names(parts: pl.DataFrame) -> list[str]:
    """Return the names of sources of error, those of immigration and of emigration in one."""
    either = pl.col("error_source").str.replace("immigration|emigration", "migration")
    return sorted(set(parts.select(either).to_series()))


def _heading(row: Mapping[str, Any]) -> str:
    when = (
        words.day(row["reference_date"])
        if "reference_date" in row
        else words.period(row["period_start"], row["period_end"])
    )
    return f"{words.MEASURES[row['measure']]}, {when}{STATUS_MARKS.get(row['status'], '')}"


def _share(own: pl.DataFrame, which: pl.Expr) -> str:
    return words.percent(float(own.filter(which).sort("error_source")["share_of_variance"].sum()))


def _not_measured(sources: pl.DataFrame) -> str:
    names = sorted(sources.filter(pl.col("treatment").cast(pl.String) == "not measured")["error_source"])
    return f"Not measured, and in no interval: {'; '.join(names)}." if names else ""
