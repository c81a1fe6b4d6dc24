"""Small timelines, as a methodologist would draw them, and what a rule set decides about the people in them.

A timeline has a header with years and one line per evidence rule; a column is a month:

                          |2015       |2016       |2017
    border_in                     x
    border_out                       x     o
    weeks_active          |===========|=========
    permission_to_stay            <-----------> work

`x`, `o` or any other letter is evidence on the 10th of the month; `=` is a month of activity (months make weeks of
tax years); `<---->` lasts from the first day of its first month to the last day of its last, `<----` has no end; a
word after it is the code.
"""

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipeline.errors import UserError, unknown
from pipeline.schemas import PossiblyOne
from pipeline.tables import connect
from rules.late_migrations import late_migrations_table
from rules.migrations import migrations_table
from rules.model import EvidenceRule, RuleSet
from rules.residents import residents_table
from rules.stays import YEAR_BEFORE, make_dated_stays, stays_table

Evidence = dict[str, Any]
FIRST_TAX_YEAR = 2009
"""Tax years, and snapshots of lists from the year after, are delivered since then."""
SCHEMA = {
    "person_id": pl.Int64, "source": pl.String, "record_id": pl.Int64, "rule_id": pl.String, "kind": pl.String,
    "date": pl.Date, "end_date": pl.Date, "date_quality": pl.String, "known_on": pl.Date,
    "value": pl.Float64, "code": pl.String, "area": pl.String,
}  # fmt: skip
PERSON = {"person_id": pl.Int64, "birth_month": pl.Date, "nationality_group": pl.String, "death_date": pl.Date}


@dataclass(frozen=True)
class TimelinePerson:
    """A person with evidence; `died` is the day of a death that is not among it."""

    evidence: Sequence[Evidence]
    born: date = date(1985, 5, 1)
    group: str = "EU"
    died: date | None = None


@dataclass(frozen=True)
class Decisions:
    """What the rules decide about people, numbered from 1 in their order: the tables of the stage `stays`.

    `warnings` are those about families of residence rules that are not measured.
    """

    stays: pl.DataFrame
    migrations: pl.DataFrame
    late_migrations: pl.DataFrame
    residents: pl.DataFrame
    warnings: tuple[str, ...]


def piece_of_evidence(
    rule: EvidenceRule, on: date, end: date | None = None, *, weeks: int | None = None, code: str | None = None
) -> Evidence:
    """Return one piece of evidence, with the kind and quality that a rule gives it; weeks are known at their end."""
    return {
        "source": rule.source, "rule_id": rule.id, "kind": rule.kind, "date": on, "end_date": end,
        "date_quality": rule.date_quality, "known_on": end - timedelta(1) if weeks is not None and end else on,
        "value": float(weeks) if weeks is not None else None, "code": code,
    }  # fmt: skip


def weeks_of_tax_year(rule: EvidenceRule, year: int, weeks: int) -> Evidence:
    """Return weeks in the tax year that begins on 6 April of `year`."""
    return piece_of_evidence(rule, date(year, 4, 6), date(year + 1, 4, 6), weeks=weeks)


def drawn(timeline: str, rule_set: RuleSet, where: str = "timeline") -> list[Evidence]:
    """Return the evidence that a timeline draws; raises `UserError` that begins with `where` if it cannot be read."""
    rules = {rule.id: rule for rule in rule_set.evidence.rules}
    lines = [line for line in timeline.splitlines() if line.strip()]
    first = re.search(r"\|(\d{4})", lines[0]) if lines else None
    if first is None:
        raise UserError(f"{where}: the first line of a timeline has years, such as |2015       |2016.")
    january, first_year = first.start(), int(first[1])

    def month(column: int) -> date:
        months = column - january
        return date(first_year + months // 12, months % 12 + 1, 1)

    rows: list[Evidence] = []
    for line in lines[1:]:
        name = line.split()[0]
        if name not in rules:
            raise unknown("evidence rule", name, rules, where)
        rule = rules[name]
        start = line.index(name) + len(name)
        if line[start:january].strip():
            raise UserError(f"{where}: the line of '{name}' begins before {first_year}. Move it to the right.")
        body = " " * start + line[start:]
        if "=" in body:
            rows += _weeks(rule, [month(at) for at, sign in enumerate(body) if sign == "="])
            continue
        for span in re.finditer(r"<(-*)(>?)\s*(\w+)?", body):
            last = span.end(2) - 1 if span[2] else span.end(1) - 1
            ends = month(last + 1) if span[2] else None
            rows.append(piece_of_evidence(rule, month(span.start()), ends, code=span[3]))
        body = re.sub(r"<-*>?\s*\w*", lambda found: " " * len(found[0]), body)
        rows += [piece_of_evidence(rule, month(at).replace(day=10)) for at, sign in enumerate(body) if sign.isalpha()]
    return rows


def _weeks(rule: EvidenceRule, months: list[date]) -> list[Evidence]:
    days: dict[int, int] = {}
    for one in months:
        for day in range(calendar.monthrange(one.year, one.month)[1]):
            on = one + timedelta(day)
            year = on.year - (on < date(on.year, 4, 6))
            days[year] = days.get(year, 0) + 1
    return [weeks_of_tax_year(rule, year, weeks) for year, count in days.items() if (weeks := min(count // 7, 52))]


def decide(
    people: Sequence[TimelinePerson],
    rule_set: RuleSet,
    data_date: date,
    years: Sequence[int],
    families: Sequence[tuple[int, int]] = (),
    possibly_one: Sequence[tuple[int, int, float]] = (),
) -> Decisions:
    """Return what the rules decide about people, as known on the data date; residents on 30 June of `years`.

    `families` are pairs of a child and an adult of its household, by their numbers; `possibly_one` are two people who
    may be one, with the probability that they are.

    Other people, of whom nothing is returned, have records in all tax years and on all lists: they show until when
    sources are delivered.
    """
    others = [TimelinePerson(list(_delivered(rule_set, data_date)))] * (1 + len(people) // 8)
    everyone = [*people, *others]
    death = [rule for rule in rule_set.evidence.rules if rule.id in rule_set.people.deaths[:1]]
    rows = [
        {"person_id": number, "record_id": record, "area": None, **one}
        for number, person in enumerate(everyone, 1)
        for record, one in enumerate(
            [
                *person.evidence,
                *(piece_of_evidence(rule, person.died) for rule in death if person.died is not None),
            ],
            1,
        )
    ]
    connection = connect(1)
    connection.register("person_evidence", pl.DataFrame(rows, schema=SCHEMA))
    attributes = [(number, one.born, one.group, one.died) for number, one in enumerate(everyone, 1)]
    connection.register("person", pl.DataFrame(attributes, schema=PERSON, orient="row"))
    ties = pl.DataFrame(families, schema={"person_id": pl.Int64, "adult_id": pl.Int64}, orient="row")
    connection.register("family", ties)
    two = pl.DataFrame(possibly_one, schema=PossiblyOne.create_empty().schema, orient="row")
    connection.register("possibly_one", two)
    make_dated_stays(connection, rule_set.people, data_date)
    migrations = migrations_table(connection, rule_set.people)
    late = late_migrations_table(connection, rule_set.people, YEAR_BEFORE)
    residents, warnings = residents_table(connection, rule_set.people, years)
    tables = (stays_table(connection, rule_set.people.published), migrations, late, residents)
    return Decisions(*(frame.filter(pl.col("person_id") <= len(people)) for frame in tables), warnings)


def _delivered(rule_set: RuleSet, data_date: date) -> Iterator[Evidence]:
    """Yield full tax years and yearly snapshots up to the data date, by the rules that stays take them from."""
    rules = {rule.id: rule for rule in rule_set.evidence.rules}
    named = {
        key: dict.fromkeys(name for rule in rule_set.people.stays for name in getattr(rule, key, ()))
        for key in ("activity", "listings")
    }
    begun = data_date.year - (data_date < date(data_date.year, 4, 6))
    for name in named["activity"]:
        for year in range(FIRST_TAX_YEAR, begun):
            yield weeks_of_tax_year(rules[name], year, 52)
    for name in named["listings"]:
        for year in range(FIRST_TAX_YEAR + 1, data_date.year + (data_date >= date(data_date.year, 7, 31))):
            yield piece_of_evidence(rules[name], date(year, 7, 31))
