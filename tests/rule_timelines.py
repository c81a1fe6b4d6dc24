"""Small timelines, as a methodologist would draw them, and the outcome of the default rules on them.

A timeline has a header with years and one line per evidence rule; a column is a month:

                          |2015       |2016       |2017
    border_in                     x
    border_out                       x     o
    weeks_active          |===========|=========
    permission_to_stay            <-----------> work

`x`, `o` or any other letter is evidence on the 10th of the month; `=` is a month of activity (months make
weeks); `<---->` lasts from the first day of its first month to the last day of its last, `<----` has no end.
"""

import calendar
import re
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl

import rules
from pipeline.ingest.contracts import read_contracts
from pipeline.tables import connect
from rules.migrations import migrations_table
from rules.model import RuleSet
from rules.residents import residents_table
from rules.rule_set import read_rules
from rules.stays import YEAR_BEFORE, make_dated_stays, stays_table

DATA_DATE = date(2019, 12, 31)
DEFAULT = Path(rules.__file__).parent / "sets" / "long_term_2019.toml"
SCHEMA = {
    "person_id": pl.Int64, "source": pl.String, "record_id": pl.Int64, "rule_id": pl.String, "kind": pl.String,
    "date": pl.Date, "end_date": pl.Date, "date_quality": pl.String, "known_on": pl.Date,
    "value": pl.Float64, "code": pl.String, "area": pl.String,
}  # fmt: skip
PERSON = {"person_id": pl.Int64, "birth_month": pl.Date, "nationality_group": pl.String, "death_date": pl.Date}


@cache
def default_rules() -> RuleSet:
    return read_rules(DEFAULT, read_contracts())


def observed(
    rule: str, on: date, end: date | None = None, *, weeks: int | None = None, code: str | None = None
) -> dict:
    """One piece of evidence, with the kind and quality that the default rule gives it."""
    found = next(one for one in default_rules().evidence.rules if one.id == rule)
    return {
        "source": found.source, "rule_id": rule, "kind": found.kind, "date": on, "end_date": end,
        "date_quality": found.date_quality, "known_on": end - timedelta(1) if rule == "weeks_active" and end else on,
        "value": float(weeks) if weeks is not None else None, "code": code,
    }  # fmt: skip


def tax_year(year: int, weeks: int) -> dict:
    """Weeks in the tax year that begins on 6 April of `year`."""
    return observed("weeks_active", date(year, 4, 6), date(year + 1, 4, 6), weeks=weeks)


def drawn(timeline: str) -> list[dict]:
    """Return the evidence that a timeline draws."""
    lines = [line for line in timeline.splitlines() if line.strip()]
    header = lines[0]
    first = re.search(r"\|(\d{4})", header)
    assert first, "the first line must have years"
    january, first_year = first.start(), int(first[1])

    def month(column: int) -> date:
        months = column - january
        return date(first_year + months // 12, months % 12 + 1, 1)

    rows: list[dict] = []
    for line in lines[1:]:
        rule = line.split()[0]
        start = line.index(rule) + len(rule)
        body = line[:start].replace(rule, " " * len(rule)) + line[start:]
        if "=" in body:
            rows += _weeks([month(at) for at, sign in enumerate(body) if sign == "="])
            continue
        for span in re.finditer(r"<(-*)(>?)\s*(\w+)?", body):
            last = span.end(2) - 1 if span[2] else span.end(1) - 1
            ends = month(last + 1) if span[2] else None
            rows.append(observed(rule, month(span.start()), ends, code=span[3]))
        body = re.sub(r"<-*>?\s*\w*", lambda found: " " * len(found[0]), body)
        rows += [observed(rule, month(at).replace(day=10)) for at, sign in enumerate(body) if sign.isalpha()]
    return rows


def _weeks(months: list[date]) -> list[dict]:
    days: dict[int, int] = {}
    for one in months:
        for day in range(calendar.monthrange(one.year, one.month)[1]):
            on = one + timedelta(day)
            year = on.year - (on < date(on.year, 4, 6))
            days[year] = days.get(year, 0) + 1
    return [tax_year(year, weeks) for year, count in days.items() if (weeks := min(count // 7, 52))]


class Outcome:
    """The stays, migrations and residence of one person."""

    def __init__(self, stays: pl.DataFrame, migrations: pl.DataFrame, residents: pl.DataFrame) -> None:
        self.stays = stays
        self.composite = stays.filter(definition="long_term").sort("start")
        self.migrations = [
            f"{row['direction']} {row['date']:%Y-%m} {row['status']}"
            for row in migrations.sort("date", "direction").iter_rows(named=True)
        ]
        self.probabilities = migrations.sort("date", "direction")["probability"].to_list()
        self.weights = migrations.sort("date", "direction")["weight"].to_list()
        self.classes = self.composite["status"].to_list()
        self.ends = self.composite["end_reason"].to_list()
        self.residents = {
            row["reference_date"].year: row["resident"]
            for row in residents.sort("reference_date").iter_rows(named=True)
        }
        self.probable = {row["reference_date"].year: row["probability"] for row in residents.iter_rows(named=True)}
        self.trimmed = {row["reference_date"].year: row["trimmed"] for row in residents.iter_rows(named=True)}
        self.decided_by = {row["reference_date"].year: row["decided_by"] for row in residents.iter_rows(named=True)}


def outcome_of(
    evidence: Sequence[dict] | str,
    *,
    born: date = date(1985, 5, 1),
    died: date | None = None,
    group: str = "EU",
    others: Sequence[Sequence[dict]] = (),
    data_date: date = DATA_DATE,
    rule_set: RuleSet | None = None,
) -> Outcome:
    """Return the outcome for one person; `others` are further people, from whom shares are estimated."""
    rows = drawn(evidence) if isinstance(evidence, str) else list(evidence)
    return outcomes_of([rows, *others], born=born, died=died, group=group, data_date=data_date, rule_set=rule_set)[0]


def outcomes_of(
    people: Sequence[Sequence[dict]],
    *,
    born: date = date(1985, 5, 1),
    died: date | None = None,
    group: str = "EU",
    data_date: date = DATA_DATE,
    rule_set: RuleSet | None = None,
    families: Sequence[tuple[int, int]] = (),
) -> list[Outcome]:
    """Return the outcomes for several people; `died` is the day of death of the first.

    `families` are pairs of a child and an adult, by their number from 1.
    """
    chosen = (rule_set or default_rules()).people
    # further people's full years set the day until which tax and benefit systems are observed
    full_years = [
        tax_year(year, 52) for year in range(2009, data_date.year - (data_date < date(data_date.year, 4, 6)))
    ]
    listings = [observed("nhs_listed", date(year, 7, 31)) for year in range(2010, 2020)]
    all_people = [*people, *[[*full_years, *listings]] * (1 + len(people) // 8)]
    if died is not None:
        all_people[0] = [*all_people[0], observed("death_registered", died)]
    rows = [
        {"person_id": person, "record_id": number, "area": None, **one}
        for person, rows_of_one in enumerate(all_people, 1)
        for number, one in enumerate(rows_of_one, 1)
    ]
    connection = connect(1)
    connection.register("person_evidence", pl.DataFrame(rows, schema=SCHEMA))
    connection.execute("CREATE TEMP TABLE family (person_id BIGINT, adult_id BIGINT)")
    for child, adult in families:
        connection.execute("INSERT INTO family VALUES (?, ?)", [child, adult])
    count = len(all_people)
    connection.register(
        "person",
        pl.DataFrame(
            {"person_id": range(1, count + 1), "birth_month": [born] * count, "nationality_group": [group] * count,
             "death_date": [died] + [None] * (count - 1)},
            schema=PERSON,
        ),
    )  # fmt: skip
    make_dated_stays(connection, chosen, data_date)
    stays = stays_table(connection)
    migrations = migrations_table(connection, chosen, YEAR_BEFORE)
    residents = residents_table(connection, chosen, range(2015, 2020))
    return [
        Outcome(*(frame.filter(person_id=person) for frame in (stays, migrations, residents)))
        for person in range(1, len(people) + 1)
    ]
