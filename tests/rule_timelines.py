"""The default rules on small timelines (`rules/timelines.py` says how they are drawn), for tests of rules."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

import rules
from pipeline.ingest.contracts import read_contracts
from rules.model import RuleSet
from rules.rule_set import read_rules
from rules.timelines import TimelinePerson, decide, piece_of_evidence
from rules.timelines import drawn as drawn_by

DATA_DATE = date(2019, 12, 31)
DEFAULT = Path(rules.__file__).parent / "sets" / "long_term_2019.toml"


@cache
def default_rules() -> RuleSet:
    return read_rules(DEFAULT, read_contracts())


def observed(
    rule: str, on: date, end: date | None = None, *, weeks: int | None = None, code: str | None = None
) -> dict:
    """One piece of evidence, with the kind and quality that the default rule gives it."""
    found = next(one for one in default_rules().evidence.rules if one.id == rule)
    return piece_of_evidence(found, on, end, weeks=weeks, code=code)


def tax_year(year: int, weeks: int) -> dict:
    """Weeks in the tax year that begins on 6 April of `year`."""
    return observed("weeks_active", date(year, 4, 6), date(year + 1, 4, 6), weeks=weeks)


def drawn(timeline: str) -> list[dict]:
    """Return the evidence that a timeline draws."""
    return drawn_by(timeline, default_rules())


class Outcome:
    """The stays, migrations (by the published definition) and residence of one person."""

    def __init__(
        self,
        stays: pl.DataFrame,
        migrations: pl.DataFrame,
        late: pl.DataFrame,
        residents: pl.DataFrame,
        published: str,
    ) -> None:
        self.stays = stays
        self.all_migrations, migrations = migrations, migrations.filter(definition=published)
        self.migration_rows, self.resident_rows = migrations, residents
        self.composite = stays.filter(definition="long_term").sort("start")
        self.migrations = [
            f"{row['direction']} {row['date']:%Y-%m} {row['status']}"
            for row in migrations.sort("date", "direction").iter_rows(named=True)
        ]
        self.late = late.filter(definition=published).sort("date", "direction")
        self.probabilities = migrations.sort("date", "direction")["probability"].to_list()
        self.classes = self.composite["status"].to_list()
        self.ends = self.composite["end_reason"].to_list()
        self.by_family = {
            family: dict(
                residents.filter(pl.col("family") == family, "resident")
                .sort("reference_date")
                .select(pl.col("reference_date").dt.year(), "decided_by")
                .iter_rows()
            )
            for family in residents["family"].unique()
        }
        self.all_residents, residents = residents, residents.filter("published")
        self.residents = {
            row["reference_date"].year: row["resident"]
            for row in residents.sort("reference_date").iter_rows(named=True)
        }
        self.probable = {row["reference_date"].year: row["probability"] for row in residents.iter_rows(named=True)}
        self.trimmed = {row["reference_date"].year: row["trimmed"] for row in residents.iter_rows(named=True)}
        self.depth = {row["reference_date"].year: row["trimming_depth"] for row in residents.iter_rows(named=True)}
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
    rules = rule_set or default_rules()
    found = decide(
        [TimelinePerson(rows, born, group, died if number == 0 else None) for number, rows in enumerate(people)],
        rules,
        data_date,
        range(2015, 2020),
        families,
    )
    return [
        Outcome(
            *(
                frame.filter(person_id=person)
                for frame in (found.stays, found.migrations, found.late_migrations, found.residents)
            ),
            published=rules.people.published,
        )
        for person in range(1, len(people) + 1)
    ]
