"""The tables of a report on a run that was scored: what was estimated, linked and counted, held against the truth."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from publication import words
from publication.figures import FLOW_MEASURES
from publication.linkage_figures import pair_name
from publication.published import totals, yearly
from publication.report_tables import Table, figure_with_interval, sentence
from publication.scores import Scores

NONE = "-"
MARGINS = {
    "total": "Nothing: totals",
    "sex": "Sex",
    "age_group": "Age group",
    "nationality_group": "Nationality group",
    "cross": "Several of them",
    "quarter": "Quarters, totals",
}


def truth_tables(scores: Scores, flows: pl.DataFrame) -> list[Table]:
    """Return what a run scored, a table a score that was taken; `flows` has the column `truth`."""
    found = [
        _totals_against_truth(totals(yearly(flows))),
        _interval_coverage(scores.interval_coverage),
        _links(scores.links),
        _classes(scores.classes, flows),
    ]
    return [table for table in found if table is not None]


def _totals_against_truth(rows: pl.DataFrame) -> Table | None:
    known = rows.drop_nulls("truth")
    if known.is_empty():
        return None
    known = known.sort(pl.col("period_end"), pl.col("measure").cast(pl.Enum(FLOW_MEASURES)))
    return Table(
        caption="Flows of each year held against the truth",
        columns=("Flow", "Estimate (95% interval)", "Truth", "Error", "Relative error", "Truth inside"),
        rows=tuple(
            (
                f"{words.MEASURES[row['measure']]}, {words.period(row['period_start'], row['period_end'])}",
                figure_with_interval(row),
                words.number(row["truth"]),
                words.signed(words.number(row["estimate"] - row["truth"])),
                words.signed(words.percent(row["estimate"] / row["truth"] - 1)) if row["truth"] else NONE,
                "inside" if words.inside(row) else "outside",
            )
            for row in known.to_dicts()
        ),
        numeric=(1, 2, 3, 4),
        csv="evaluation/flows.csv",
    )


def _interval_coverage(scored: pl.DataFrame) -> Table | None:
    """Return how often intervals hold the truth: a row a margin, a column a measure."""
    if scored.is_empty():
        return None
    cells = {(row["margin"], str(row["measure"])): row for row in scored.to_dicts()}
    found = dict.fromkeys(margin for margin, _ in cells)
    margins = [margin for margin in MARGINS if margin in found] + [one for one in found if one not in MARGINS]
    measures = [measure for measure in words.MEASURES if measure in {measure for _, measure in cells}]
    return Table(
        caption="How often 95% intervals hold the truth",
        columns=("Cells divided by", *(words.MEASURES[measure] for measure in measures)),
        rows=tuple(
            (
                MARGINS.get(margin, sentence(margin)),
                *(_share_inside(cells.get((margin, measure))) for measure in measures),
            )
            for margin in margins
        ),
        numeric=tuple(range(1, 1 + len(measures))),
        note="Cells whose interval holds the truth, of all cells; intervals that are right hold it in 95% of "
        "many cells. Cells of one year share errors, so that they are inside or outside together.",
        csv="evaluation/interval_coverage.csv",
    )


def _share_inside(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return NONE
    return f"{words.count(row['inside'])} of {words.count(row['cells'])} ({words.percent(row['share'], 0)})"


def _links(scored: pl.DataFrame) -> Table | None:
    """Return precision and recall: a row a pair of sources that truly share people, movers apart from stayers."""
    if scored.is_empty():
        return None
    by_key = {(row["source_l"], row["source_r"], row["group"]): row for row in scored.to_dicts()}
    whole = [row for row in by_key.values() if row["group"] == "all" and row["true_pairs"]]
    groups = ("movers", "stayers")

    def recalls(row: Mapping[str, Any]) -> list[str]:
        return [_rate(by_key.get((row["source_l"], row["source_r"], group)), "recall") for group in groups]

    return Table(
        caption="Links held against the true pairs, movers apart from stayers",
        columns=("Pair", "True pairs", "Linked", "Precision", "Recall", "Recall of movers", "Recall of stayers"),
        rows=tuple(
            (
                pair_name(row),
                words.count(row["true_pairs"]),
                words.count(row["linked_pairs"]),
                _rate(row, "precision"),
                _rate(row, "recall"),
                *recalls(row),
            )
            for row in sorted(whole, key=lambda row: (-row["true_pairs"], row["source_l"], row["source_r"]))
        ),
        numeric=tuple(range(1, 7)),
        note="Pairs of subjects of two sources that are, or were taken for, one person; movers are people for "
        "whom one of the sources holds an address that is not the spine's.",
        csv="evaluation/links.csv",
    )


def _rate(row: Mapping[str, Any] | None, name: str) -> str:
    return NONE if row is None or row[name] is None else words.percent(row[name])


def _classes(scored: pl.DataFrame, flows: pl.DataFrame) -> Table | None:
    """Return how people were classed, column by column as it comes: a row a measure and published year or day.

    Migrations have a column `time`, the last day of their year; years that nobody publishes are left to the file.
    """
    if "time" in scored.columns:
        years = pl.col("time").is_in(flows["period_end"].unique().implode()) | (pl.col("measure") == "population")
        scored = scored.filter(years)
    if scored.is_empty():
        return None
    numeric = tuple(place for place, kind in enumerate(scored.dtypes) if kind.is_numeric())
    return Table(
        caption="People taken for what they are, and not",
        columns=tuple(sentence(name) for name in scored.columns),
        rows=tuple(
            tuple(_plain(value, name) for name, value in zip(scored.columns, row, strict=True))
            for row in scored.rows()
        ),
        numeric=numeric,
        note="Migrations of published years, and residents on published days, person by person.",
        csv="evaluation/classes.csv",
    )


def _plain(value: object, column: str) -> str:
    if value is None:
        return NONE
    if isinstance(value, date):
        return words.day(value)
    if isinstance(value, float):
        return (
            words.percent(value) if column in ("precision", "recall", "share") else f"{value:,.1f}".removesuffix(".0")
        )
    if isinstance(value, int):
        return str(value) if column == "year" else words.count(value)
    return words.MEASURES.get(str(value), str(value).replace("_", " "))
