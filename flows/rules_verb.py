"""`sojourn rules show`, `count`, `check` and `test`: rules in words, whom they decide, mistakes, and own cases."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from flows.evaluate import manifest_of, rules_of_run, study_of_run
from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract, read_contracts
from pipeline.ingest.study_contracts import known_contracts
from pipeline.study import read_study
from publication import words
from publication.row_selection import read_run_table
from rules.branches import TABLES, decided_by_rule, people_by_rule
from rules.cases import cases_in_words, differences, read_cases
from rules.in_words import rules_as_table, rules_in_words
from rules.lint import findings
from rules.model import RuleSet
from rules.rule_file import SETS, named_set
from rules.rule_set import read_rules

CASES = SETS / "cases"
FAILED = 1
"""The exit status of a check that found something, or of a case that is not as expected."""


def rule_set_of(name: str, study: Path | None) -> RuleSet:
    """Return a rule set by the name of a set of the package or by its path, read with the contracts of a study."""
    contracts: dict[str, SourceContract] = dict(known_contracts(read_study(study)) if study else read_contracts())
    return read_rules(named_set(name, Path(), "the name of a rule set"), contracts)


def show_rules(name: str, *, study: Path | None, run: Path | None, as_json: bool) -> list[str]:
    """Return the lines that show a rule set in words, or its parameters as JSON.

    With a run, its own rules are shown, with the people whom each of them decided. Raises `UserError` if the rules
    have changed since the run.
    """
    if run is None:
        rule_set, decided = rule_set_of(name, study), {}
    else:
        rule_set, table = _rules_and_tables(run)
        decided = decided_by_rule(table, rule_set)
    if as_json:
        return [json.dumps(rules_as_table(rule_set), indent=1, ensure_ascii=False)]
    return rules_in_words(rule_set, decided)


def count_rules(runs: Sequence[Path]) -> list[str]:
    """Return a page, as Markdown, with the people whom every rule and branch decided in some runs together.

    Raises `UserError` if the runs are by different rules, or if the rules have changed since.
    """
    pooled: Counter[tuple[str, str]] = Counter()
    first: RuleSet | None = None
    for run in runs:
        rule_set, table = _rules_and_tables(run)
        first = first or rule_set
        if rule_set.digest != first.digest:
            raise UserError(f"{run}: made by other rules ({rule_set.id}) than {runs[0]} ({first.id}).")
        pooled.update(people_by_rule(table, rule_set))
    rows = sorted(pooled.items(), key=lambda row: (row[1], row[0]))
    return [
        "| kind | rule or branch | people |",
        "|---|---|---:|",
        *(f"| {words.plain(kind)} | `{name}` | {number:,} |" for (kind, name), number in rows),
    ]


def _rules_and_tables(run: Path) -> tuple[RuleSet, dict[str, pl.DataFrame]]:
    """Return the rules of a run and the tables that say whom they decided; raises `UserError` without them."""
    folder = run.resolve()
    rule_set = rules_of_run(study_of_run(folder), run, manifest_of(folder))
    tables = folder / "tables"
    missing = [one for one in TABLES if not (tables / one).exists() and not (tables / f"{one}.parquet").exists()]
    if missing:
        raise UserError(f"{run}: the run has no table '{missing[0]}', so its rules decided nobody.")
    return rule_set, {one: read_run_table(tables, one) for one in TABLES}


def check_rules(name: str, *, study: Path | None) -> tuple[int, list[str]]:
    """Return the exit status and the lines that say what is probably a mistake in a rule set."""
    rule_set = rule_set_of(name, study)
    found = findings(rule_set)
    counted = f"{len(found)} finding{'s' * (len(found) != 1)}" if found else "no finding"
    rules = len(rule_set.evidence.rules) + len(rule_set.people.stays) + len(rule_set.people.residents)
    summary = f"{rule_set.id}: {rules} rules and {len(rule_set.parameters)} parameters, {counted}"
    return (FAILED if found else 0), [*found, summary]


def test_rules(name: str, cases: Sequence[Path], *, study: Path | None, markdown: bool) -> tuple[int, list[str]]:
    """Return the exit status and the lines that say which cases are not decided as expected.

    Without `cases`, those that come with a set of the package are tested. With `markdown`, the lines are a page that
    shows the cases instead, if all of them are as expected.
    """
    rule_set = rule_set_of(name, study)
    paths = list(cases) or [CASES / f"{Path(name).stem}.toml"]
    if not cases and not paths[0].is_file():
        raise UserError(f"{name}: no cases come with this set. Give a file of your own with --cases.")
    lines, failed, number = [], 0, 0
    for path in paths:
        file = read_cases(path)
        number += len(file.case)
        wrong = differences(file, rule_set, path)
        failed += len({one.case for one in wrong})
        lines += [f"{path}: {one.sentence}" for one in wrong]
        if markdown and not wrong:
            lines += cases_in_words(file)
    summary = f"{rule_set.id}: {number - failed} of {number} cases as expected"
    return (FAILED if failed else 0), [*lines, *(() if markdown and not failed else (summary,))]
