"""What a run's rules decide of its people if parameters have other values: the ordinary rules, nobody linked again.

One connection keeps the tables of the last variant. A table is made again only if its own SQL, or a table that it
reads, is another one (`pipeline.tables.make_table`): after a change of a sign of residence no stay is dated again,
and evidence is read again only by evidence rules that have changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.schemas import table_path
from pipeline.tables import content_of, make_table, query, view
from rules.calibration import calibrated_migrations, calibrated_residents, calibrated_stays
from rules.evidence import pieces_as_sql
from rules.evidence_sql import rule_as_sql
from rules.flow_completeness import flow_completeness
from rules.late_migrations import make_late_migrations
from rules.migrations import make_migrations
from rules.model import EvidenceRules, PersonRules
from rules.people import make_people
from rules.residents import make_residents
from rules.sql_text import among, quoted
from rules.stages import StaysStudy
from rules.stays import YEAR_BEFORE, connect_inputs, make_dated_stays, stays_table


@dataclass(frozen=True)
class Decided:
    """The tables of the stage `stays` that estimates read, as rules decide them; `stays` is made when it is called.

    `stays` is that of this variant until the next one is decided. A table that is the same as in the variant before
    is the same frame.
    """

    people: pl.DataFrame
    nationality: pl.DataFrame
    migrations: pl.DataFrame
    late_migrations: pl.DataFrame
    flow_completeness: pl.DataFrame
    residents: pl.DataFrame
    stays: Callable[[], pl.DataFrame]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by name."""
        kept = {"people": self.people, "people_nationality": self.nationality, "migrations": self.migrations}
        kept |= {"late_migrations": self.late_migrations, "flow_completeness": self.flow_completeness}
        return {**kept, "residents": self.residents, "stays": self.stays()}


class Variants:
    """The people of one run, decided by other rules: `study` is what its stage `stays` declared.

    `rules` are the evidence rules by which the stored evidence was made; `folders` contain the results of `ingest`,
    `link` and `evidence`.
    """

    def __init__(
        self, study: StaysStudy, rules: EvidenceRules, folders: Mapping[str, Path], threads: int = 2
    ) -> None:
        self._study = study
        self._stored_by = self._evidence_sql(rules)
        self._connection = connect_inputs(folders, study.contracts, threads)
        self._frames: dict[str, tuple[str, pl.DataFrame]] = {}
        self._completeness: pl.DataFrame | None = None
        view(self._connection, stored_evidence=table_path(folders["evidence"], "evidence"))

    def decided(self, evidence: EvidenceRules, people: PersonRules) -> Decided:
        """Return what rules decide of the people of the run: migrations by the published definition, as residents."""
        connection = self._connection
        published = tuple(one for one in people.families if one.id == people.published_family)
        people = people.model_copy(update={"families": published})
        make_table(connection, "evidence", self._evidence(evidence))
        make_people(connection, people, self._study.contracts, self._study.data_date)
        make_dated_stays(connection, people, self._study.data_date)
        make_migrations(connection, people)
        make_late_migrations(connection, people, YEAR_BEFORE)
        for name in ("migration", "late_migration"):
            published = f"SELECT * FROM {name} WHERE definition = {quoted(people.published)}"
            make_table(connection, f"published_{name}", published)
        make_residents(connection, people, self._study.stock_years)
        calibration, definition = self._study.calibration, people.published
        person = self._frame("person")

        def calibrated(migrations: pl.DataFrame) -> pl.DataFrame:
            return calibrated_migrations(migrations, person, calibration, definition)

        return Decided(
            people=person,
            nationality=self._frame("person_nationality"),
            migrations=self._frame("published_migration", calibrated),
            late_migrations=self._frame("published_late_migration", calibrated),
            flow_completeness=self._flow_completeness(definition),
            residents=self._frame(
                "resident", lambda frame: calibrated_residents(frame, person, calibration, self._study.data_date)
            ),
            stays=lambda: calibrated_stays(stays_table(connection, definition), person, calibration, definition),
        )

    def _flow_completeness(self, definition: str) -> pl.DataFrame:
        found = flow_completeness(self._connection, self._study.calibration, definition, self._study.data_date)
        if self._completeness is None or not found.equals(self._completeness):
            self._completeness = found
        return self._completeness

    def _frame(
        self, name: str, finished: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame
    ) -> pl.DataFrame:
        """Return a table, `finished` for these people; the frame of the variant before if both are the same."""
        content = content_of(self._connection, name) + content_of(self._connection, "person")
        if name not in self._frames or self._frames[name][0] != content:
            self._frames[name] = (content, finished(query(self._connection, f"SELECT * FROM {name}")))
        return self._frames[name][1]

    def _evidence(self, rules: EvidenceRules) -> str:
        """Return SQL of all evidence: what is stored of rules that are the same, and what the others read now."""
        now = self._evidence_sql(rules)
        same = [rule for rule, sql in now.items() if self._stored_by.get(rule) == sql]
        parts = [f"SELECT * FROM stored_evidence WHERE {among('rule_id', same)}"]
        changed = [sql for rule, sql in now.items() if rule not in same]
        if changed:
            parts.append(f"SELECT * EXCLUDE (flaw) FROM ({pieces_as_sql(changed)}) WHERE flaw IS NULL")
        return " UNION ALL BY NAME ".join(parts)

    def _evidence_sql(self, rules: EvidenceRules) -> dict[str, str]:
        contracts = self._study.contracts
        return {rule.id: rule_as_sql(rule, rules, contracts) for rule in rules.rules if rule.source in contracts}
