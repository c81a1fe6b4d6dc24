"""The tables on one person: decisions, links and rivals, what other definitions say, attributes and evidence."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from publication import words
from publication.people.decisions import Decision
from publication.people.person import Person
from publication.report_tables.report_table import ReportTable

ATTRIBUTES = ("sex", "birth_month", "nationality_group", "country_of_birth", "area", "death_date")


def decisions_table(decisions: Sequence[Decision], caption: str) -> ReportTable | None:
    """Return what was decided, why, by how much, and what would change it: a row a decision."""
    if not decisions:
        return None
    return ReportTable(
        caption=caption,
        columns=("Decision", "Outcome", "Decided by", "Because", "Margin", "Records", "What would change it"),
        rows=tuple(
            (
                words.sentence_case(one.about),
                one.outcome,
                f"{one.rule}: {words.plain(one.branch)}",
                one.because,
                margin_text(one),
                "; ".join(f"{rule} {record}" for rule, record in one.records),
                "; ".join(f"{flip.change}: {flip.outcome}" for flip in one.flips),
            )
            for one in decisions
        ),
    )


def margin_text(decision: Decision) -> str:
    """Return the margin of a decision: 662 days of the stay, more than 365 needed: 297 above."""
    if decision.margin is None:
        return "" if decision.probability in (None, 0, 1) else f"probability {decision.probability:.2f}"
    place = f"{decision.margin:,} above" if decision.margin > 0 else f"{1 - decision.margin:,} missing"
    return f"{decision.value:,} {decision.quantity}, more than {decision.needed:,} needed: {place}"


def links_table(person: Person) -> ReportTable | None:
    """Return the links that join the person's records."""
    return _links(person.links.filter("joined"), "Links that join the records")


def rivals_table(person: Person) -> ReportTable | None:
    """Return the links to subjects of other people: who else these records may belong to."""
    others = person.links.filter(~pl.col("joined").fill_null(value=False))
    return _links(others, "Rivals: links to records of other people")


def possibly_one_table(person: Person) -> ReportTable | None:
    """Return the people of the run who may be the same person, because of whom migrations count less."""
    if person.possibly_one.is_empty():
        return None
    return ReportTable(
        caption="People of the run who may be the same person",
        columns=("Person", "Probability"),
        rows=tuple((str(other), f"{probability:.6f}") for other, probability in person.possibly_one.rows()),
        numeric=(1,),
    )


def _links(links: pl.DataFrame, caption: str) -> ReportTable | None:
    if links.is_empty():
        return None
    return ReportTable(
        caption=caption,
        columns=("Record of", "And", "By", "Match weight", "Probability", "Person"),
        rows=tuple(
            (
                f"{row['source']}:{row['subject_id']}",
                f"{row['other_source']}:{row['other_subject_id']}",
                row["method"],
                f"{row['match_weight']:+.2f}",
                f"{row['match_probability']:.6f}",
                "the same" if row["joined"] else _text(row["other_person"]),
            )
            for row in links.to_dicts()
        ),
        numeric=(3, 4),
    )


def subjects_table(person: Person) -> ReportTable:
    """Return the subjects of the person: one person as each source sees them."""
    return ReportTable(
        caption="Records of the person, by source",
        columns=("Subject", "Pieces of evidence", "Draws of links in which it is another person's"),
        rows=tuple(
            (
                f"{source}:{subject}",
                words.count(person.evidence.filter(source=source, subject_id=subject).height),
                words.count(draws),
            )
            for source, subject, draws in person.subjects.select("source", "subject_id", "draws_elsewhere").rows()
        ),
        numeric=(1, 2),
    )


def definitions_table(person: Person) -> ReportTable | None:
    """Return the stays under every definition: what the same evidence gives by another rule."""
    stays = person.stays.sort("definition", "start").to_dicts()
    if not stays:
        return None
    return ReportTable(
        caption="Stays under every definition",
        columns=("Definition", "From", "To", "Status", "Branch", "Days", "Above threshold", "Ends by", "Dated by"),
        rows=tuple(
            (
                row["definition"], _text(row["start"]), _text(row["end"]), words.plain(row["status"]),
                words.plain(row["branch"]), _text(row["days"]), _text(row["days_over_threshold"]),
                words.plain(row["end_reason"]), row["decided_by"],
            )
            for row in stays
        ),
        numeric=(5, 6),
    )  # fmt: skip


def attributes_table(person: Person) -> ReportTable | None:
    """Return the attributes of the person, and where each comes from."""
    if not person.attributes:
        return None
    return ReportTable(
        caption="Attributes",
        columns=("Attribute", "Value", "Source", "Sources that disagree"),
        rows=tuple(
            (
                words.sentence_case(name),
                _text(person.attributes.get(name)),
                *(_text(person.attributes.get(f"{name.removesuffix('_group')}_{what}"))
                  for what in ("source", "disagreements")),
            )
            for name in ATTRIBUTES
        ),
    )  # fmt: skip


def evidence_table(person: Person) -> ReportTable | None:
    """Return every piece of evidence, in order of its date."""
    if person.evidence.is_empty():
        return None
    columns = (
        "date",
        "end_date",
        "kind",
        "rule_id",
        "source",
        "record_id",
        "date_quality",
        "known_on",
        "value",
        "code",
    )
    return ReportTable(
        caption="Evidence",
        columns=tuple(words.sentence_case(name) for name in columns),
        rows=tuple(tuple(map(_text, row)) for row in person.evidence.select(columns).rows()),
    )


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
