"""Cases of a user's own: a person drawn as a timeline, and what the rules are expected to decide.

    [[case]]
    id = "christmas_at_home"
    says = "A student who flies home at Christmas stays once."
    group = "non_EU"
    timeline = '''
                          |2015       |2016       |2017
    permission_to_stay            <-------------> study
    border_in                     x   x
    border_out                       x         o
    '''
    expect.migrations = ["immigration 2015-09 certain", "emigration 2016-10 certain"]
    expect.stays = ["long_term"]
    expect.residents = [2016]

What is not expected is not compared. All people of a file are decided together, so the cases of one are the others of
another: shares of unfinished cases are taken from them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.toml_files import Frozen, parse, read_toml
from rules.fields import RuleId
from rules.model import RuleSet
from rules.timelines import Decisions, TimelinePerson, decide, drawn

Years = tuple[Annotated[int, Field(ge=1900, le=2200)], ...]


class Expected(Frozen):
    """What is expected of a person, in the definition and the family of residence rules that are published.

    `stays` are the classes of stays in order, `migrations` directions with month and status, `residents` the years
    (among those of `residence_years`) on whose 30 June the person is a resident; `residents_by` are those of other
    families of residence rules, `stays_by` and `migrations_by` those of other definitions.
    """

    stays: tuple[str, ...] | None = None
    migrations: tuple[str, ...] | None = None
    residents: Years | None = None
    residents_by: dict[str, Years] = Field(default_factory=dict)
    stays_by: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    migrations_by: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something(self) -> "Expected":
        if all(one is None or one == {} for one in self.__dict__.values()):
            raise ValueError("nothing is expected. Give stays, migrations or residents, or one of them with _by")
        return self


class Case(Frozen):
    """One person and the expectation; `evidence` of the timeline is that of the rule set which is tested."""

    id: RuleId
    says: str
    timeline: str
    expect: Expected
    born: date = date(1985, 5, 1)
    died: date | None = None
    group: str = "EU"


class CaseFile(Frozen):
    """A file of cases, all as known on one day; residence is that on 30 June of `residence_years`."""

    data_date: date = date(2019, 12, 31)
    residence_years: Years = (2015, 2016, 2017, 2018, 2019)
    case: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Difference:
    """What a case expects and what the rules decide instead, in words."""

    case: str
    key: str
    expected: Any
    found: Any

    @property
    def sentence(self) -> str:
        """One line that says both."""
        return f"{self.case}, {self.key}: expected {_words(self.expected)}, found {_words(self.found)}"


def _words(value: Sequence[object]) -> str:
    return ", ".join(str(one) for one in value) or "none"


def read_cases(path: Path) -> CaseFile:
    """Return the cases of a file; raises `UserError` that names the file and the case."""
    data = read_toml(path)
    entries = data.get("case", [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise UserError(f"{path}: 'case' must be a list of tables. Write [[case]], with two brackets.")
    cases, ids = [], set()
    for number, entry in enumerate(entries, 1):
        place = f"{path}, case '{entry['id']}'" if "id" in entry else f"{path}, case number {number}"
        case = parse(Case, entry, place)
        if case.id in ids:
            raise UserError(f"{place}: this id is used twice. Give each case its own id.")
        if case.group not in NATIONALITY_GROUPS:
            raise unknown("nationality group", case.group, NATIONALITY_GROUPS, f"{place}, key 'group'")
        ids.add(case.id)
        cases.append(case)
    return parse(CaseFile, {**data, "case": tuple(cases)}, str(path))


def decisions_on(file: CaseFile, rule_set: RuleSet, path: Path) -> Decisions:
    """Return what a rule set decides about the people of a file, numbered from 1 in their order."""
    people = [
        TimelinePerson(
            drawn(one.timeline, rule_set, f"{path}, case '{one.id}'"), one.born, one.group, one.died
        )
        for one in file.case
    ]  # fmt: skip
    return decide(people, rule_set, file.data_date, file.residence_years)


def differences(file: CaseFile, rule_set: RuleSet, path: Path) -> list[Difference]:
    """Return where a rule set decides otherwise than the cases of a file expect; empty if all is as expected.

    Raises `UserError` for a case that cannot be read with these rules.
    """
    families = {one.id for one in rule_set.people.families}
    definitions = set(rule_set.people.definitions)
    for case in file.case:
        for key, thing, known in (
            ("residents_by", "family", families),
            ("stays_by", "definition", definitions),
            ("migrations_by", "definition", definitions),
        ):
            for name in getattr(case.expect, key):
                if name not in known:
                    raise unknown(thing, name, known, f"{path}, case '{case.id}', key '{key}'")
    found = decisions_on(file, rule_set, path)
    return [
        Difference(case.id, key, tuple(expected), decided)
        for person, case in enumerate(file.case, 1)
        for key, expected, decided in _compared(case.expect, found, person, rule_set.people.published)
        if tuple(expected) != decided
    ]


def _compared(expect: Expected, found: Decisions, person: int, published: str) -> list[tuple[str, Any, tuple]]:
    own = pl.col("person_id") == person
    residents = found.residents.filter(own, "resident").sort("reference_date")

    def years(of_family: pl.Expr) -> tuple[int, ...]:
        return tuple(residents.filter(of_family)["reference_date"].dt.year())

    def stays(definition: str) -> tuple[str, ...]:
        return tuple(found.stays.filter(own, pl.col("definition") == definition).sort("start")["status"])

    def migrations(definition: str) -> tuple[str, ...]:
        rows = found.migrations.filter(own, pl.col("definition") == definition).sort("date", "direction")
        return tuple(
            f"{direction} {day:%Y-%m} {status}"
            for direction, day, status in rows.select("direction", "date", "status").iter_rows()
        )

    compared = [
        ("stays", expect.stays, stays(published)),
        ("migrations", expect.migrations, migrations(published)),
        *((f"stays by {one}", of, stays(one)) for one, of in expect.stays_by.items()),
        *((f"migrations by {one}", of, migrations(one)) for one, of in expect.migrations_by.items()),
        ("residents", expect.residents, years(pl.col("published"))),
        *((f"residents by {one}", of, years(pl.col("family") == one)) for one, of in expect.residents_by.items()),
    ]
    return [(key, expected, decided) for key, expected, decided in compared if expected is not None]


def cases_in_words(file: CaseFile) -> list[str]:
    """Return the lines of a page (Markdown) that shows each case as it is drawn, and what is expected."""
    lines: list[str] = []
    for case in file.case:
        expect = case.expect
        outcome = [
            (name, values)
            for name, values in (
                ("stays", expect.stays),
                ("migrations", expect.migrations),
                *((f"stays by `{name}`", values) for name, values in expect.stays_by.items()),
                *((f"migrations by `{name}`", values) for name, values in expect.migrations_by.items()),
                ("resident on 30 June of", expect.residents),
                *((f"resident by `{name}` on 30 June of", values) for name, values in expect.residents_by.items()),
            )
            if values is not None
        ]  # fmt: skip
        about = f"{case.group}, born {case.born}" + (f", died {case.died}" if case.died else "")
        timeline = [line for line in case.timeline.splitlines() if line.strip()]
        indent = min(len(line) - len(line.lstrip()) for line in timeline)
        lines += [f"### {case.id}", "", f"{case.says} ({about})", "", "```"]
        lines += [line[indent:].rstrip() for line in timeline] + ["```", ""]
        lines += [f"- {name}: {_words(values)}" for name, values in outcome] + [""]
    return lines
