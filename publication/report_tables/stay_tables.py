"""The tables on presence: what is not known yet or contradicts itself, how long students are here, late arrivals."""

from itertools import accumulate

import polars as pl

from pipeline.schemas import ALL
from publication import words
from publication.report_tables.report_table import ReportTable

LATEST_QUARTERS = 8
LEAST_STUDENTS = 10
LEAST_ARRIVALS = 30
LAG_BANDS = (
    "before", "under_1_month", "1_to_3_months", "3_to_6_months", "6_to_12_months", "1_to_2_years", "2_to_5_years",
    "over_5_years",
)  # fmt: skip
WITHIN = {
    "1 month": "under_1_month",
    "6 months": "3_to_6_months",
    "1 year": "6_to_12_months",
    "5 years": "2_to_5_years",
}


def unknown_table(unknown: pl.DataFrame, definition: str) -> ReportTable | None:
    """Return how much of the latest quarters is not known yet under the published definition."""
    own = unknown.filter(pl.col("definition") == definition)
    quarters = own["period_end"].unique().sort().tail(LATEST_QUARTERS).to_list()
    cells = {(row["period_end"], str(row["direction"])): row for row in own.to_dicts()}
    if not quarters:
        return None
    nothing = {"certain": 0, "unknown": 0, "expected": 0.0}
    rows = []
    for end in quarters:
        both = [cells.get((end, direction), nothing) for direction in ("immigration", "emigration")]
        rows.append(
            (
                f"{end:%B %Y}",
                *(
                    text
                    for one in both
                    for text in (words.count(one["certain"]), words.count(one["unknown"]), f"{one['expected']:,.1f}")
                ),
            )
        )
    return ReportTable(
        caption="What is not known yet, by quarter",
        columns=(
            "Quarter ending", "Immigrations, certain", "Not known", "Expected of these", "Emigrations, certain",
            "Not known", "Expected of these",
        ),
        rows=tuple(rows),
        numeric=(1, 2, 3, 4, 5, 6),
        note="People counted from the sources, before any estimation. Not known: the stay, or the absence, is too "
        "recent to be classified; the expected number is the sum of the probabilities that it lasts.",
        csv="unknown_by_quarter.csv",
    )  # fmt: skip


def conflicts_table(conflicts: pl.DataFrame) -> ReportTable | None:
    """Return how many people were seen inside the country after they had been seen to leave, by kind of evidence."""
    if conflicts.is_empty():
        return None
    return ReportTable(
        caption="Seen to leave, and then inside the country",
        columns=("Seen inside by", "Had come back", "Were abroad", "Not known yet", "Probably came back"),
        rows=tuple(
            (
                str(row["kind"]).replace("_", " "),
                *(words.count(row[name]) for name in ("had_returned", "were_abroad", "open")),
                words.percent(row["probability"]),
            )
            for row in conflicts.sort("kind").to_dicts()
        ),
        numeric=(1, 2, 3, 4),
        note="The next crossing tells: who leaves again had come back unseen, who arrives had been abroad. People of "
        "whom no crossing tells yet have the status conflict, and are residents with the probability that they came "
        "back; shares of few cases are drawn towards those of all kinds.",
        csv="conflicts.csv",
    )


def days_present_table(days: pl.DataFrame) -> ReportTable | None:
    """Return the share of students by days present in their first 14 months of study, a row a year and group."""
    seen = days.filter(pl.col("days_from").is_not_null())
    bands = seen.select("days_from", "band").unique().sort("days_from")["band"].to_list()
    shares = {
        (str(row["nationality_group"]), row["period_end"], row["band"]): row["share"] for row in seen.to_dicts()
    }
    totals = (
        seen.group_by("nationality_group", "period_end")
        .agg(pl.col("students").sum())
        .filter(pl.col("students") >= LEAST_STUDENTS)
        .sort("nationality_group", "period_end")
    )
    if totals.is_empty():
        return None
    return ReportTable(
        caption="Students by days present in their first 14 months of study",
        columns=("Year ending", "Nationality", "Students", *(band.replace("-", " to ") for band in bands)),
        rows=tuple(
            (
                f"{end:%B %Y}",
                words.name(str(group), short=True),
                words.count(students),
                *(words.percent(shares.get((str(group), end, band), 0.0)) for band in bands),
            )
            for group, end, students in totals.rows()
        ),
        numeric=tuple(range(2, 3 + len(bands))),
        note="First-year students from abroad with border crossings, by the year in which they began: days here, of "
        "426, whose first 16 months are observed. Who is here for about a year is divided by the choice of "
        f"definition, not by behaviour. Years and groups of at least {LEAST_STUDENTS} students; the file has all.",
        csv="days_present.csv",
    )


def registration_lags_table(lags: pl.DataFrame) -> ReportTable | None:
    """Return how late arrivals register in each source: of those seen, and of all."""
    wholes = lags.filter(
        pl.col("band") == ALL, pl.col("people") >= LEAST_ARRIVALS, pl.col("median_days_seen").is_not_null()
    ).sort("source_from", "source_to", "nationality_group")
    if wholes.is_empty():
        return None
    key = ["source_from", "source_to", "nationality_group"]
    shares = {tuple(map(str, row[:4])): row[4] for row in lags.select(*key, "band", "share_all").rows()}
    rows = []
    for row in wholes.to_dicts():
        pair = tuple(str(row[name]) for name in key)
        by_end = dict(zip(LAG_BANDS, accumulate(shares.get((*pair, band), 0.0) for band in LAG_BANDS), strict=True))
        rows.append(
            (
                words.source_name(row["source_from"]), words.source_name(row["source_to"]),
                words.name(pair[2], short=True), words.count(row["people"]),
                _days(row["median_days_seen"]), _days(row["median_days_all"]),
                *(words.percent(by_end[band], 0) for band in WITHIN.values()),
            )
        )  # fmt: skip
    return ReportTable(
        caption="From arrival to registration",
        columns=(
            "Arrival stated in", "Registered in", "Nationality", "Arrivals", "Median days, of those registered",
            "Median days, of all", *(f"Within {time}" for time in WITHIN),
        ),
        rows=tuple(rows),
        numeric=tuple(range(3, 6 + len(WITHIN))),
        note="Raw medians are of people who have registered: late and missing registrations are not in them. Medians "
        "of all, and shares, are of all arrivals that the first source states, by the Kaplan-Meier estimate. People "
        f"whose records were not linked count as not registered. Groups of at least {LEAST_ARRIVALS} arrivals.",
        csv="registration_lags.csv",
    )  # fmt: skip


def _days(median: int | None) -> str:
    return "more than half never" if median is None else "before" if median < 0 else words.count(median)
