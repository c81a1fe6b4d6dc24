"""The tables of an evaluated run: estimates, links and classifications compared with the truth."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from pipeline.schemas import ALL, NATIONALITY_GROUPS
from publication import words
from publication.report_tables.anatomy_tables import (
    causes_table,
    nationality_tenths_table,
    wrong_nationality_table,
    wrong_people_table,
)
from publication.report_tables.report_table import ReportTable, estimate_cell, estimate_with_limits, number_around
from publication.row_selection import FLOW_MEASURES, totals, yearly
from publication.scores import Scores

EMPTY_CELL = "-"
BREAKDOWNS = {
    "total": "Totals",
    "sex": "Sex",
    "age_group": "Age group",
    "nationality_group": "Nationality group",
    "cross": "Several of these",
    "quarter": "Quarterly totals",
}


def truth_tables(scores: Scores, flows: pl.DataFrame) -> list[ReportTable]:
    """Return a table for each score that was taken; `flows` has the column `truth`."""
    tables = [
        _totals_and_truth(totals(yearly(flows))),
        _interval_coverage(scores.interval_coverage),
        _links(scores.links),
        _link_errors(scores.link_errors),
        _classes(scores.classes, flows),
        _definitions(scores.definitions),
        _tenths(scores.tenths),
        causes_table(scores.anatomy),
        wrong_people_table(scores.wrong_people),
        wrong_nationality_table(scores.wrong_nationality),
        nationality_tenths_table(scores.nationality_tenths),
    ]
    return [table for table in tables if table is not None]


def _totals_and_truth(rows: pl.DataFrame) -> ReportTable | None:
    known = rows.drop_nulls("truth")
    if known.is_empty():
        return None
    known = known.sort(pl.col("period_end"), pl.col("measure").cast(pl.Enum(FLOW_MEASURES)))
    return ReportTable(
        caption="Yearly flows compared with the truth",
        columns=("Flow", "Estimate (95% interval)", "Truth", "Error", "Relative error", "Truth in interval"),
        rows=tuple(
            (
                f"{words.MEASURES[row['measure']]}, {words.period(row['period_start'], row['period_end'])}",
                estimate_cell(row),
                words.number(row["truth"]),
                words.signed(words.number(row["estimate"] - row["truth"])),
                words.signed(words.percent(row["estimate"] / row["truth"] - 1)) if row["truth"] else EMPTY_CELL,
                "inside" if words.inside(row) else "outside",
            )
            for row in known.to_dicts()
        ),
        numeric=(1, 2, 3, 4),
        csv="evaluation/flows.csv",
    )


def _interval_coverage(scored: pl.DataFrame) -> ReportTable | None:
    """Return how often intervals contain the truth: a row a breakdown, a column a measure."""
    if scored.is_empty():
        return None
    cells = {(row["margin"], str(row["measure"])): row for row in scored.to_dicts()}
    scored_breakdowns = dict.fromkeys(breakdown for breakdown, _ in cells)
    breakdowns = [one for one in BREAKDOWNS if one in scored_breakdowns]
    breakdowns += [one for one in scored_breakdowns if one not in BREAKDOWNS]
    measures = [measure for measure in words.MEASURES if measure in {measure for _, measure in cells}]
    return ReportTable(
        caption="How often 95% intervals contain the truth",
        columns=("Breakdown", *(words.MEASURES[measure] for measure in measures)),
        rows=tuple(
            (
                BREAKDOWNS.get(breakdown, words.sentence_case(breakdown)),
                *(_share_inside(cells.get((breakdown, measure))) for measure in measures),
            )
            for breakdown in breakdowns
        ),
        numeric=tuple(range(1, 1 + len(measures))),
        note="Cells whose interval contains the truth, out of all cells; correct intervals contain it in 95% of "
        "cells in the long run. Cells of one year share errors, so they tend to be inside or outside together.",
        csv="evaluation/interval_coverage.csv",
    )


def _share_inside(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return EMPTY_CELL
    return f"{words.count(row['inside'])} of {words.count(row['cells'])} ({words.percent(row['share'], 0)})"


def _links(scored: pl.DataFrame) -> ReportTable | None:
    """Return precision and recall: a row a pair of sources that truly share people, movers apart from stayers."""
    if scored.is_empty():
        return None
    by_key = {(row["source_l"], row["source_r"], row["group"]): row for row in scored.to_dicts()}
    whole = [row for row in by_key.values() if row["group"] == "all" and row["true_pairs"]]
    groups = ("movers", "stayers")

    def recalls(row: Mapping[str, Any]) -> list[str]:
        return [_rate(by_key.get((row["source_l"], row["source_r"], group)), "recall") for group in groups]

    return ReportTable(
        caption="Links compared with the true pairs",
        columns=(
            "Pair",
            "True pairs",
            "Linked",
            "Precision",
            "Estimated precision",
            "Recall",
            "Estimated recall",
            "Recall of movers",
            "Recall of stayers",
        ),
        rows=tuple(
            (
                words.source_pair_name(row),
                words.count(row["true_pairs"]),
                words.count(row["linked_pairs"]),
                _rate(row, "precision"),
                estimate_with_limits(row, "precision"),
                _rate(row, "recall"),
                estimate_with_limits(row, "recall"),
                *recalls(row),
            )
            for row in sorted(whole, key=lambda row: (-row["true_pairs"], row["source_l"], row["source_r"]))
        ),
        numeric=tuple(range(1, 9)),
        note="Pairs of subjects of two sources that truly are one person, or were linked as one. Estimates were made "
        "without the truth, with 95% limits in brackets. Movers are people "
        "for whom one of the sources has an address other than that of the spine.",
        csv="evaluation/links.csv",
    )


def _link_errors(scored: pl.DataFrame) -> ReportTable | None:
    """Return people counted twice and joined, as expected without the truth and as they are."""
    if scored.is_empty():
        return None
    order = {name: place for place, name in enumerate([*NATIONALITY_GROUPS, ALL])}
    rows = sorted(scored.to_dicts(), key=lambda row: order[row["nationality_group"]])
    return ReportTable(
        caption="People counted twice, and people joined with others, expected and true",
        columns=("Nationality", "People", "Counted twice, expected", "True", "Joined, expected", "True"),
        rows=tuple(
            (
                words.plain(row["nationality_group"]),
                words.count(row["people"]),
                number_around(row["counted_twice"], row["counted_twice_se"]),
                words.count(row["true_counted_twice"]),
                number_around(row["joined"], row["joined_se"]),
                words.count(row["true_joined"]),
            )
            for row in rows
        ),
        numeric=tuple(range(1, 6)),
        note="Expected numbers follow from the links alone, with 95% intervals.",
        csv="evaluation/link_errors.csv",
    )


def _rate(row: Mapping[str, Any] | None, name: str) -> str:
    return EMPTY_CELL if row is None or row[name] is None else words.percent(row[name])


def _classes(scored: pl.DataFrame, flows: pl.DataFrame) -> ReportTable | None:
    """Return how people were classified, with the columns that the score has: a row a measure and year or day.

    Migrations have a column `time`, the last day of their year; years that are not published are only in the file.
    """
    if "time" in scored.columns:
        years = pl.col("time").is_in(flows["period_end"].unique().implode()) | (pl.col("measure") == "population")
        scored = scored.filter(years)
    if scored.is_empty():
        return None
    numeric = tuple(position for position, kind in enumerate(scored.dtypes) if kind.is_numeric())
    return ReportTable(
        caption="Migrations and residents classified correctly and incorrectly",
        columns=tuple(words.sentence_case(name) for name in scored.columns),
        rows=tuple(
            tuple(_cell(value, name) for name, value in zip(scored.columns, row, strict=True))
            for row in scored.rows()
        ),
        numeric=numeric,
        note="Migrations in published years and residents on published days, compared person by person. A true one "
        "counts as a hit with the probability that was given to it, and the rest of 1 as missed; false are "
        "probabilities that belong to no true one. The Brier score and the log score are means of what each "
        "probability was off; smaller is better.",
        csv="evaluation/classes.csv",
    )


def _definitions(scored: pl.DataFrame) -> ReportTable | None:
    """Return the migrations under every definition beside the true ones, over all published years.

    Rows are of everybody and of people from outside the European Union: only their travel is recorded.
    """
    if scored.is_empty():
        return None
    amounts = ("true", "estimated", "found", "misses", "false")
    rows = (
        scored.filter(pl.col("nationality_group").is_in([ALL, "non_EU"]))
        .with_columns(found=pl.col("hits") + pl.col("misdated"))
        .group_by("definition", "measure", "nationality_group")
        .agg(pl.col(amounts).sum())
        .sort("definition", pl.col("measure") == "emigration", pl.col("nationality_group") != ALL)
    )
    return ReportTable(
        caption="Migrations under every definition compared with the truth of that definition",
        columns=("Definition", "Flow", "People", "True", "Estimated", "Found", "Missed", "False"),
        rows=tuple(
            (
                row["definition"],
                words.MEASURES[row["measure"]],
                "All" if row["nationality_group"] == ALL else words.plain(row["nationality_group"]),
                *(words.count(round(row[name])) for name in amounts),
            )
            for row in rows.iter_rows(named=True)
        ),
        numeric=tuple(range(3, 8)),
        note="All published years. True are those of the definition applied to true presence, whatever is on record; "
        "definitions over crossings of the border can find people alone whose travel is recorded. By short-term "
        "definitions an immigration is the start of a visit that counts, and an emigration its end.",
        csv="evaluation/definitions.csv",
    )


def _tenths(scored: pl.DataFrame) -> ReportTable | None:
    """Return probabilities and what happened: a row a measure and tenth of probability."""
    if scored.is_empty():
        return None
    return ReportTable(
        caption="Probabilities and what happened, by tenths",
        columns=("Decision", "Probability from", "Cases", "Mean probability", "Share that happened", "Brier score"),
        rows=tuple(
            (
                words.MEASURES.get(row["measure"], words.plain(row["measure"])),
                f"{row['from_probability']:.1f}",
                words.count(row["cases"]),
                words.percent(row["predicted"]),
                words.percent(row["actual"]),
                f"{row['brier']:.4f}",
            )
            for row in scored.to_dicts()
        ),
        numeric=(1, 2, 3, 4, 5),
        note="Migrations and residents of published periods that were given a probability above 0. If probabilities "
        "mean what they say, the mean probability and the share that happened agree.",
        csv="evaluation/tenths.csv",
    )


def _cell(value: object, column: str) -> str:
    if value is None:
        return EMPTY_CELL
    if isinstance(value, date):
        return words.day(value)
    if isinstance(value, float):
        if column in ("precision", "recall", "share"):
            return words.percent(value)
        return f"{value:.4f}" if column in ("brier", "log_score") else f"{value:,.1f}".removesuffix(".0")
    if isinstance(value, int):
        return str(value) if column == "year" else words.count(value)
    return words.MEASURES.get(str(value), words.plain(str(value)))
