"""The tables of published estimates: flows by year and by group of people, the population by day."""

import polars as pl

from publication import words
from publication.report_tables.report_table import ReportTable, estimate_cell, marks_note
from publication.row_selection import DIMENSIONS, FLOW_MEASURES, marginal, totals, yearly

GROSS_FLOWS = ("immigration", "emigration")
COUNTED_NOTE = (
    "People whom the sources miss are not in these numbers, and people whom they contain wrongly are: they are no "
    "estimates."
)
HEADINGS = {"sex": "Sex", "age_group": "Age", "nationality_group": "Nationality"}


def flows_by_year(flows: pl.DataFrame) -> ReportTable | None:
    """Return the totals: a row a year, a column a measure."""
    rows = totals(yearly(flows))
    if rows.is_empty():
        return None
    by_key = {(row["period_end"], row["measure"]): row for row in rows.to_dicts()}
    years = sorted({end for end, _ in by_key})
    return ReportTable(
        caption="Long-term migration by year ending June",
        columns=("Year ending", *(words.MEASURES[measure] for measure in FLOW_MEASURES)),
        rows=tuple(
            (f"{end:%B %Y}", *(estimate_cell(by_key.get((end, measure))) for measure in FLOW_MEASURES))
            for end in years
        ),
        numeric=(1, 2, 3),
        note=marks_note(rows),
        csv="flows.csv",
    )


def counted_by_year(counts: pl.DataFrame) -> ReportTable | None:
    """Return migrations as they were counted, a row a year; for a run whose flows are not measured."""
    moves = counts.filter(pl.col("period").cast(pl.String) == "year").with_columns(pl.col("measure").cast(pl.String))
    moves = moves.filter(pl.col("measure").is_in(GROSS_FLOWS))
    years = sorted(set(moves["time"]))
    if not years:
        return None
    number = dict(_people(moves, "time", "measure"))
    return ReportTable(
        caption="Long-term migration as counted by the rules, without any estimation",
        columns=("Year ending", *(words.MEASURES[measure] for measure in GROSS_FLOWS)),
        rows=tuple(
            (f"{end:%B %Y}", *(words.number(number.get((end, measure), 0.0)) for measure in GROSS_FLOWS))
            for end in years
        ),
        numeric=(1, 2),
        note=COUNTED_NOTE,
    )


def listed_by_day(counts: pl.DataFrame) -> ReportTable | None:
    """Return residents as they were counted, a row a reference day; for a run whose stocks are not measured."""
    listed = counts.filter(pl.col("measure").cast(pl.String) == "population")
    if listed.is_empty():
        return None
    return ReportTable(
        caption="People with signs of usual residence, as counted by the rules, without any estimation",
        columns=("Day", "People"),
        rows=tuple((words.day(day), words.number(people)) for (day,), people in _people(listed, "time")),
        numeric=(1,),
        note=COUNTED_NOTE,
    )


def _people(counts: pl.DataFrame, *by: str) -> list[tuple[tuple, float]]:
    """Return the sum of a count by some columns, in their order."""
    summed = counts.sort(*by, "sex", "cohort", "nationality_group").group_by(*by, maintain_order=True)
    return [(tuple(row[:-1]), row[-1]) for row in summed.agg(pl.col("count").sum()).iter_rows()]


def flows_by_group(flows: pl.DataFrame) -> ReportTable | None:
    """Return the latest year: a row for each group of each dimension, a column a measure."""
    year = yearly(flows)
    if year.is_empty():
        return None
    year = year.filter(pl.col("period_end") == pl.col("period_end").max())
    lines = []
    for dimension in DIMENSIONS:
        rows = marginal(year, dimension)
        for group in rows[dimension].unique(maintain_order=True):
            own = {row["measure"]: row for row in rows.filter(pl.col(dimension) == group).to_dicts()}
            heading = f"{HEADINGS[dimension]}: {words.name(group, short=True)}"
            lines.append((heading, *(estimate_cell(own.get(measure)) for measure in FLOW_MEASURES)))
    if not lines:
        return None
    when = words.period(year["period_start"][0], year["period_end"][0])
    return ReportTable(
        caption=f"Long-term migration by sex, age and nationality, {when}",
        columns=("Group", *(words.MEASURES[measure] for measure in FLOW_MEASURES)),
        rows=tuple(lines),
        numeric=(1, 2, 3),
        note=marks_note(year),
        csv="flows.csv",
    )


def population_by_day(stocks: pl.DataFrame) -> ReportTable | None:
    """Return the population: a row a reference day, a column for the total and for each nationality group."""
    whole = totals(stocks)
    if whole.is_empty():
        return None
    by_group = marginal(stocks, "nationality_group")
    groups = list(by_group["nationality_group"].unique(maintain_order=True))
    cells = {(row["reference_date"], "all"): row for row in whole.to_dicts()}
    cells |= {(row["reference_date"], row["nationality_group"]): row for row in by_group.to_dicts()}
    days = sorted(set(whole["reference_date"]))
    return ReportTable(
        caption="Usual residents by nationality group",
        columns=("Day", "All", *(words.name(group, short=True) for group in groups)),
        rows=tuple(
            (words.day(day), *(estimate_cell(cells.get((day, group))) for group in ("all", *groups))) for day in days
        ),
        numeric=tuple(range(1, 2 + len(groups))),
        note=marks_note(whole),
        csv="stocks.csv",
    )
