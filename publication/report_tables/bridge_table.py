"""The table of the report on other definitions: how many people move between each of them and the published one."""

import polars as pl

from publication import words
from publication.report_tables.report_table import ReportTable
from publication.row_selection import as_text


def bridge_table(bridge: pl.DataFrame, definition: str) -> ReportTable | None:
    """Return people by both definitions and by one alone, in the latest period; None without another definition."""
    rows = as_text(bridge).filter(pl.col("definition") == definition) if bridge.height else bridge
    if rows.is_empty():
        return None
    latest = rows.filter(pl.col("period") == pl.col("period").max().over("measure"))
    measures = pl.Enum(list(words.MEASURES))
    return ReportTable(
        caption=f"People by the published definition, {words.name(definition)}, and by others",
        columns=("Measure", "Period", "Other definition", "Both", "Published only", "Other only"),
        rows=tuple(
            (
                words.MEASURES[row["measure"]],
                words.day(row["period"]) if row["measure"] == "population" else f"year to {words.day(row['period'])}",
                words.name(row["other"]),
                *(words.count(row[column]) for column in ("both", "only_definition", "only_other")),
            )
            for row in latest.sort(pl.col("measure").cast(measures), "other").iter_rows(named=True)
        ),
        numeric=(3, 4, 5),
        note=(
            "Expected numbers of people among the linked records, before coverage and the account. Whoever goes over "
            "from the published definition to another loses the people of the former alone, and gains those of the "
            "latter alone. The file has every pair of definitions."
        ),
        csv="bridge.csv",
    )
