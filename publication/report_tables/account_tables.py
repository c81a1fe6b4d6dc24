"""The tables of what the account changed: its adjustments, what it says without each source, and shared errors."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipeline.schemas import AGE_GROUPS, ALL
from publication import words
from publication.report_tables.report_table import ReportTable

MEASURES = ("population", "immigration", "emigration")
BIASES_SHOWN = 10
Z_NOTE = (
    "z is the change over its standard error: where sources are as declared, two thirds are within 1, and hardly any "
    "beyond 3."
)


def left_out_table(left_out: pl.DataFrame) -> ReportTable | None:
    """Return every report beside what the account estimates of it without that report."""
    if left_out.is_empty():
        return None
    rows = _ordered(left_out).sort("measure", pl.col("time").is_null(), "time").to_dicts()
    return ReportTable(
        caption="Each source left out: what all others say of it",
        columns=("Report", "Year", "Reported", "Account", "Account without it", "z"),
        rows=tuple(
            (
                words.sentence_case(row["measure"]),
                "all years" if row["time"] is None else str(row["time"]),
                words.number(row["reported"]),
                words.number(row["estimate"]),
                _with_error(row),
                _z(row),
            )
            for row in rows
        ),
        numeric=(2, 3, 4, 5),
        note="Stocks are on 30 June of the year, flows in the year that ends then. z is the account's estimate less "
        "that without the report, over the standard error of the difference: beyond 2 or 3, the report contradicts "
        "all others. Where others say little of a report, its z cannot be large.",
        csv="account_left_out.csv",
    )  # fmt: skip


def adjustments_table(adjustments: pl.DataFrame) -> ReportTable | None:
    """Return by how much the account changed what was reported, by age and by sex, over all years."""
    if adjustments.is_empty():
        return None
    both = pl.col("sex").cast(pl.String), pl.col("age_group").cast(pl.String)
    plain = adjustments.with_columns(*both)
    shown = [
        *((age, pl.col("age_group") == age, pl.col("sex") == ALL) for age in AGE_GROUPS),
        *((sex, pl.col("age_group") == ALL, pl.col("sex") == sex) for sex in ("F", "M")),
        (ALL, pl.col("age_group") == ALL, pl.col("sex") == ALL),
    ]
    rows = []
    for measure in MEASURES:
        for name, *chosen in shown:
            own = plain.filter(pl.col("measure").cast(pl.String) == measure, *chosen)
            if own.is_empty():
                continue
            reported, adjusted = float(own["reported"].sum()), float(own["adjustment"].sum())
            largest = own.sort(pl.col("z").abs(), "time", descending=[True, False], nulls_last=True).row(
                0, named=True
            )
            rows.append(
                (
                    words.sentence_case(measure),
                    words.name(name, short=True),
                    words.number(reported / own.height),
                    words.signed(words.percent(adjusted / reported)) if reported else "",
                    "" if largest["z"] is None else f"{_z(largest)} ({largest['time']})",
                )
            )
    return ReportTable(
        caption="What the account changed of its reports, by age and sex",
        columns=("Measure", "Group", "Reported, mean of years", "Changed by", "Largest z (year)"),
        rows=tuple(rows),
        numeric=(2, 3, 4),
        note=f"Stocks are reported with their coverage factors. {Z_NOTE}",
        csv="account_adjustments.csv",
    )


def shared_errors_table(biases: pl.DataFrame) -> ReportTable | None:
    """Return the shared errors of which the account found most, in units of what was declared."""
    if biases.is_empty():
        return None
    rows = biases.sort(pl.col("z").abs(), "term", descending=[True, False]).head(BIASES_SHOWN).to_dicts()
    return ReportTable(
        caption="Shared errors that the account found, the largest for their size first",
        columns=("Error", "Measure", "Standard error", "Size", "Found (95% interval)", "z"),
        rows=tuple(
            (
                words.plain(row["term"]),
                words.plain(str(row["measure"])),
                words.percent(row["sd"], 2),
                "declared" if str(row["scale"]) == "declared" else "estimated by the account",
                _found(row),
                _z(row),
            )
            for row in rows
        ),
        numeric=(2, 4, 5),
        note="Relative errors that cells share. How large errors of a kind are is declared, by the study or by the "
        "coverage survey, unless the study lets the account estimate it.",
        csv="account_biases.csv",
    )  # fmt: skip


def _ordered(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col("measure").cast(pl.String).cast(pl.Enum(MEASURES)))


def _with_error(row: Mapping[str, Any]) -> str:
    return f"{words.number(row['without'])} ± {words.number(words.TWO_SIDED_95 * row['without_standard_error'])}"


def _found(row: Mapping[str, Any]) -> str:
    estimate, lower, upper = (words.signed(words.percent(row[one], 2)) for one in ("estimate", "lower", "upper"))
    return f"{estimate} ({lower} to {upper})"


def _z(row: Mapping[str, Any]) -> str:
    return "" if row["z"] is None else words.signed(f"{row['z']:.1f}")
