"""The tables of an evaluated run that say why people were missed, false or misdated, or in a wrong group."""

import polars as pl

from pipeline.schemas import ALL
from publication import words
from publication.report_tables.report_table import ReportTable


def causes_table(scored: pl.DataFrame) -> ReportTable | None:
    """Return the errors of all published years and days by cause: a row a measure and cause, a column a kind."""
    if scored.is_empty():
        return None
    kinds = ("missed", "false", "misdated")
    people = {
        row[:3]: row[3]
        for row in scored.group_by("measure", "cause", "kind", maintain_order=True).agg(pl.col("people").sum()).rows()
    }
    rows = [
        (measure, cause, [people.get((measure, cause, kind), 0.0) for kind in kinds])
        for measure in words.MEASURES
        for cause in dict.fromkeys(cause for one, cause, _ in people if one == measure)
    ]
    order = list(words.MEASURES)
    return ReportTable(
        caption="Errors by cause",
        columns=("Measure", "Cause", *(words.sentence_case(kind) for kind in kinds)),
        rows=tuple(
            (words.MEASURES[measure], words.sentence_case(cause), *(f"{one:,.1f}" for one in counted))
            for measure, cause, counted in sorted(rows, key=lambda row: (order.index(row[0]), -sum(row[2]), row[1]))
        ),
        numeric=(2, 3, 4),
        note="Sums of all published years and days; residents are counted on each of them. The cause is the first of "
        "a list that holds, by what the other side, truth or run, says of the person. The file has them by year, "
        "stay rule and nationality group, with the days by which dates are off.",
        csv="evaluation/anatomy.csv",
    )


def wrong_people_table(scored: pl.DataFrame) -> ReportTable | None:
    """Return one example of every measure, kind and cause of error, most frequent causes first."""
    if scored.is_empty():
        return None
    order = list(words.MEASURES)
    rows = sorted(
        scored.to_dicts(), key=lambda row: (order.index(row["measure"]), -row["errors"], row["kind"], row["cause"])
    )
    return ReportTable(
        caption="One wrong person of each kind and cause",
        columns=(
            "Measure", "Kind", "Cause", "Errors", "Day", "Probability", "Days off", "Person of run", "True person",
        ),
        rows=tuple(
            (
                words.MEASURES[row["measure"]],
                words.sentence_case(row["kind"]),
                words.sentence_case(row["cause"]),
                f"{row['errors']:,.1f}",
                str(row["day"]),
                f"{row['probability']:.2f}",
                "" if row["days_off"] is None else str(row["days_off"]),
                "none" if row["person_id"] is None else str(row["person_id"]),
                "none" if row["person"] is None else str(row["person"]),
            )
            for row in rows
        ),
        numeric=(3, 5, 6, 7, 8),
        note="`sojourn evaluate RUN --person true:NUMBER` shows the true life of a person beside what was decided, "
        "`sojourn explain RUN PERSON` what decided about a person of the run.",
        csv="evaluation/wrong_people.csv",
    )  # fmt: skip


def wrong_nationality_table(scored: pl.DataFrame) -> ReportTable | None:
    """Return the people in a wrong nationality group, in the latest period of each measure."""
    if scored.is_empty():
        return None
    latest = scored.filter(pl.col("period") == pl.col("period").max().over("measure"))
    return ReportTable(
        caption="People counted in a wrong nationality group",
        columns=("Measure", "Period", "True group", "Counted as", "People", "Of all found"),
        rows=tuple(
            (
                words.MEASURES[row["measure"]],
                row["period"].replace("/", " to "),
                _group(row["true_group"]),
                _group(row["estimated_group"]),
                f"{row['people']:,.1f}",
                words.percent(row["people"] / row["found"]),
            )
            for row in latest.to_dicts()
        ),
        numeric=(4, 5),
        note="In the latest published year, or on the latest day. They change figures of two groups and no total.",
        csv="evaluation/wrong_nationality.csv",
    )


def nationality_tenths_table(scored: pl.DataFrame) -> ReportTable | None:
    """Return how often people are of a nationality group that was given a probability, by tenths and view."""
    rows = scored.filter(pl.col("group") == ALL) if scored.width else scored
    if rows.is_empty():
        return None
    return ReportTable(
        caption="Probabilities of nationality groups, compared with the truth",
        columns=("View", "Probability", "People and groups", "Predicted", "True"),
        rows=tuple(
            (
                words.plain(row["view"]),
                f"{row['tenth']:.1f} to {row['tenth'] + 0.1:.1f}",
                words.count(row["people"]),
                words.percent(row["predicted"]),
                words.percent(row["actual"]),
            )
            for row in rows.sort("view", "tenth", descending=[True, False]).to_dicts()
        ),
        numeric=(2, 3, 4),
        note="Of people whose group is not certain, each with every group. The file has them by group.",
        csv="evaluation/nationality_tenths.csv",
    )


def _group(code: str) -> str:
    return words.SHORT_GROUPS.get(code, words.plain(code))
