"""Examples of people in the report of a synthetic study: their timelines, and what decided about them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from publication.figures.figure import Figure
from publication.people.decisions import decisions_of
from publication.people.examples import examples
from publication.people.person import read_people
from publication.people.person_figure import timeline_figure
from publication.people.person_tables import decisions_table
from publication.people.timeline import lanes_of
from publication.report_tables.report_table import ReportTable
from publication.scores import Scores

LEAD = (
    "Some people of the synthetic country, and what decided about them. People of a real study are in no report; "
    "`sojourn explain RUN PERSON` shows one."
)


def people_parts(tables: Path, manifest: Mapping[str, Any], scores: Scores | None) -> list[Figure | ReportTable]:
    """Return a timeline and a table for each example; none for a study that is not marked synthetic."""
    study = manifest.get("study") or {}
    if study.get("synthetic") is not True or not (tables / "stays.parquet").exists():
        return []
    definition, data_date = str(manifest["definition"]), date.fromisoformat(str(study["data_date"]))
    chosen = examples(tables, definition, scores)
    people = read_people(tables, [one.person_id for one in chosen], definition, data_date)
    parts: list[Figure | ReportTable | None] = []
    for example in chosen:
        person = people[example.person_id]
        lanes = lanes_of(person, example.true_presence)
        note = (
            f"Person {person.person_id} of the run. What was decided, then what every source says, by evidence rule."
        )
        parts += [
            timeline_figure(f"person-{person.person_id}", example.finding, lanes, data_date, note),
            decisions_table(decisions_of(person), f"What decided about person {person.person_id}"),
        ]
    return [part for part in parts if part is not None]
