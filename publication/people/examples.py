"""Which people the report of a synthetic study shows: typical, borderline and, if the truth is known, wrong ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from publication import words
from publication.row_selection import as_text, read_run_table
from publication.scores import Scores


@dataclass(frozen=True)
class Example:
    """One person who stands for others: what for, and when the person was truly here, if that is known."""

    person_id: int
    finding: str
    true_presence: tuple[tuple[date, date | None], ...] = ()


def examples(tables: Path, definition: str, scores: Scores | None) -> list[Example]:
    """Return the people to show, each once, in a fixed order; of equals the lowest number."""
    chosen = [*_typical_and_borderline(tables, definition), *_wrong(scores or Scores())]
    return list({one.person_id: one for one in reversed(chosen)}.values())[::-1]


def _typical_and_borderline(tables: Path, definition: str) -> list[Example]:
    of_definition = pl.col("definition") == definition
    migrations = as_text(read_run_table(tables, "migrations")).filter(of_definition).drop_nulls("days_over_threshold")
    certain = migrations.filter(pl.col("status") == "certain", pl.col("probability") >= 0.5)
    comings, goings = (certain.filter(pl.col("direction") == way) for way in ("immigration", "emigration"))
    short = as_text(read_run_table(tables, "stays")).filter(
        of_definition, pl.col("branch") == "too_short", "starts_by_arrival"
    )
    undecided = migrations.filter(pl.col("status") == "probable").with_columns(
        from_half=(pl.col("probability") - 0.5).abs()
    )
    over = "days_over_threshold"
    chosen = [
        ("Typical: an immigrant whose margin is that of half of all", _middle(comings, over)),
        ("Typical: an emigrant whose margin is that of half of all", _middle(goings, over)),
        ("Borderline: the immigrant with the smallest margin", comings.sort(over, "person_id").head(1)),
        ("Borderline: the stay that lacks fewest days", short.sort(-pl.col(over), pl.col("person_id")).head(1)),
        ("Borderline: the least certain migration", undecided.sort("from_half", "person_id").head(1)),
    ]
    return [Example(frame["person_id"][0], finding) for finding, frame in chosen if frame.height]


def _middle(migrations: pl.DataFrame, margin: str) -> pl.DataFrame:
    """Return the row with the median margin; of an even number, the lower one."""
    return migrations.sort(margin, "person_id").slice((migrations.height - 1) // 2, 1)


def _wrong(scores: Scores) -> list[Example]:
    """Return for each measure the example of the cause with most errors."""
    if scores.wrong_people.is_empty():
        return []
    rows = (
        scores.wrong_people.drop_nulls("person_id")
        .sort("measure", "errors", "kind", "cause", descending=[False, True, False, False])
        .unique("measure", keep="first", maintain_order=True)
        .sort(pl.col("measure").cast(pl.Enum(list(words.MEASURES))))
    )
    return [
        Example(
            row["person_id"],
            f"Wrong: {words.MEASURES[row['measure']].lower()} {row['kind']}, {row['cause']}",
            _true_presence(scores, row["person"]),
        )
        for row in rows.to_dicts()
    ]


def _true_presence(scores: Scores, person: int | None) -> tuple[tuple[date, date | None], ...]:
    if person is None:
        return ()
    own: Sequence[tuple] = scores.true_presence.filter(pl.col("person") == person).select("start", "end").rows()
    return tuple(own)
