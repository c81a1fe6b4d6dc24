"""The lanes of a person's timeline: what was decided, then what every source says, by evidence rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from publication import words
from publication.people.person import Person

FULL_YEAR_WEEKS = 50
LEAVES = ("departure", "deregistration", "death")


@dataclass(frozen=True)
class Span:
    """A stretch of time to its last day (`end`; null: open), and what it is: a status, or a kind of evidence."""

    start: date
    end: date | None
    what: str


@dataclass(frozen=True)
class Lane:
    """One line of a timeline: spans, and single days with what happened on them."""

    label: str
    spans: tuple[Span, ...] = ()
    days: tuple[tuple[date, str], ...] = field(default=())


def lanes_of(person: Person, true_presence: Sequence[tuple[date, date | None]] = ()) -> list[Lane]:
    """Return the lanes: true presence if it is given, stays and residence as decided, then every evidence rule."""
    stays = person.decided_stays.select("start", "end", "status").rows()
    lanes = [
        Lane("true presence", tuple(Span(start, end, "true") for start, end in true_presence)),
        Lane(f"stays, {person.definition}", tuple(Span(start, end, str(status)) for start, end, status in stays)),
        Lane("resident", days=tuple(_residence(row) for row in person.residents.filter("published").to_dicts())),
    ]
    rules = person.evidence.select("source", "rule_id").unique().sort("source", "rule_id").rows()
    lanes += [
        _evidence(f"{words.source_name(source)}: {rule}", person.evidence.filter(source=source, rule_id=rule))
        for source, rule in rules
    ]
    return [lane for lane in lanes if lane.spans or lane.days]


def first_day(lanes: Sequence[Lane], last: date, most_years: int) -> date:
    """Return 1 January of the first year that a timeline shows: of its first event, at most `most_years` ago."""
    events = [span.start for lane in lanes for span in lane.spans] + [day for lane in lanes for day, _ in lane.days]
    return date(max(min(events, default=last).year, last.year - most_years + 1), 1, 1)


def _residence(row: dict) -> tuple[date, str]:
    likely = row["probability"] not in (0, 1)
    return row["reference_date"], "perhaps" if likely else "resident" if row["resident"] else "not resident"


def _evidence(label: str, evidence: pl.DataFrame) -> Lane:
    rows = evidence.filter(pl.col("value").is_null() | (pl.col("value") > 0)).to_dicts()
    return Lane(
        label,
        spans=tuple(Span(row["date"], _last_day(row), _interval(row)) for row in rows if _lasts(row)),
        days=tuple((row["date"], "leaves" if row["kind"] in LEAVES else "seen") for row in rows if not _lasts(row)),
    )


def _lasts(row: dict) -> bool:
    return row["end_date"] is not None or row["kind"] in ("permission", "enrolment")


def _last_day(row: dict) -> date | None:
    """Return the last day of an interval of evidence, which is half-open."""
    return None if row["end_date"] is None else row["end_date"] - timedelta(1)


def _interval(row: dict) -> str:
    if row["value"] is None:
        return str(row["kind"])
    return "active" if row["value"] >= FULL_YEAR_WEEKS else "partly active"
