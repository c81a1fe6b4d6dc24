"""An explanation of one person, as text, as JSON and as a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import polars as pl
import polars.selectors as cs

from publication import words
from publication.html_page import render_page
from publication.people import person_tables
from publication.people.decisions import Decision, nearest_flip
from publication.people.person import Person
from publication.people.person_figure import timeline_figure
from publication.people.timeline import lanes_of
from publication.people.timeline_text import timeline_text
from publication.report_tables.report_table import ReportTable

NOTE = "What was decided, then what every source says, by evidence rule."


@dataclass(frozen=True)
class Explanation:
    """A person with the path of decisions; `says` has the sentence of every rule that is named, by its id.

    `pairs` explain links level by level, as text and as data, if that was asked for.
    """

    person: Person
    decisions: tuple[Decision, ...]
    says: Mapping[str, str]
    pairs: tuple[tuple[Sequence[str], Mapping[str, Any]], ...] = field(default=())


def explanation_text(explanation: Explanation) -> list[str]:
    """Return the lines of an explanation."""
    person = explanation.person
    lines = [f"Person {person.person_id}: {summary(explanation)}", ""]
    lines += [f"  {line}" for line in timeline_text(lanes_of(person), person.data_date)]
    lines += ["", "  Decisions"]
    for one in explanation.decisions:
        lines += [f"    {line}" for line in _decision_text(one)]
    for table in _tables(person):
        lines += ["", *(f"  {line}" for line in table_text(table))]
    for text, _ in explanation.pairs:
        lines += ["", *(f"  {line}" for line in text)]
    if explanation.says:
        width = max(map(len, explanation.says))
        lines += ["", "  Rules", *(f"    {rule:<{width}}  {says}" for rule, says in explanation.says.items())]
    return [line.rstrip() for line in lines]


def summary(explanation: Explanation) -> str:
    """Return what was decided about stays in a few words, and the smallest change that would decide otherwise."""
    stays = [one for one in explanation.decisions if one.about.startswith(("stay", "absence"))]
    if not stays:
        return "no stay"
    text = "; ".join(f"{one.about}: {one.outcome.replace(';', ',')}" for one in stays)
    nearest = nearest_flip(explanation.decisions)
    if nearest is not None:
        decision, flip = nearest
        text += f". Nearest change: {flip.change} ({decision.about}), then {flip.outcome}"
    return text


def _decision_text(one: Decision) -> list[str]:
    lines = [f"{one.about}: {one.outcome}", f"  because  {one.because}"]
    lines.append(f"  by       {one.rule}, {words.plain(one.branch)}")
    margin = person_tables.margin_text(one)
    if margin:
        lines.append(f"  margin   {margin}")
    if one.records:
        lines.append(f"  dated by {', '.join(f'{rule} (record {record})' for rule, record in one.records)}")
    for number, flip in enumerate(one.flips):
        lines.append(f"  {'flips' if not number else '':<8} {flip.change}: {flip.outcome}")
    return lines


def _tables(person: Person) -> list[ReportTable]:
    tables = [
        person_tables.definitions_table(person), person_tables.subjects_table(person),
        person_tables.links_table(person), person_tables.rivals_table(person),
        person_tables.possibly_one_table(person),
        person_tables.attributes_table(person), person_tables.evidence_table(person),
    ]  # fmt: skip
    return [table for table in tables if table is not None]


def table_text(table: ReportTable) -> list[str]:
    """Return a table as its caption and lines of aligned columns."""
    rows = [table.columns, *table.rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.columns))]
    aligned = [
        "  ".join(
            cell.rjust(width) if at in table.numeric else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [table.caption, *(f"  {line}" for line in aligned)]


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as data for JSON: dates as text, frames as lists of rows."""
    person = explanation.person
    frames = {
        name: _rows(getattr(person, name))
        for name in ("subjects", "links", "possibly_one", "evidence", "stays", "migrations", "residents")
    }
    return {
        "person_id": person.person_id,
        "definition": person.definition,
        "data_date": person.data_date.isoformat(),
        "attributes": dict(person.attributes),
        "decisions": [asdict(one) for one in explanation.decisions],
        **frames,
        "rules": dict(explanation.says),
        "pairs": [data for _, data in explanation.pairs],
    }


def explanation_json(explanations: Sequence[Explanation]) -> str:
    """Return explanations as one JSON object, or as a list of them if they are several."""
    data = [explanation_data(one) for one in explanations]
    return json.dumps(data[0] if len(data) == 1 else data, indent=1, default=_iso)


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value))


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.with_columns(cs.date().cast(pl.String)).to_dicts()


def explanation_page(explanation: Explanation, study: str, *, synthetic: bool) -> str:
    """Return the page of one person; `study` is the name of the study."""
    person = explanation.person
    figure = timeline_figure("timeline", "Timeline", lanes_of(person), person.data_date, NOTE)
    return render_page(
        "person.html.j2",
        person=person.person_id,
        study={"name": study, "synthetic": synthetic},
        data_date=words.day(person.data_date),
        summary=words.sentence_case(summary(explanation)),
        figure=figure,
        tables=[
            table
            for table in (person_tables.decisions_table(explanation.decisions, "Decisions"), *_tables(person))
            if table is not None
        ],
        pairs=["\n".join(text) for text, _ in explanation.pairs],
        rules=list(explanation.says.items()),
        words=words,
    )
