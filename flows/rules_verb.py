"""`sojourn rules show`, `check` and `test`: a rule set in words, its probable mistakes, and a user's own cases."""

import json
from collections.abc import Sequence
from pathlib import Path

from flows.evaluate import study_of_run
from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract, read_contracts
from pipeline.ingest.study_contracts import known_contracts
from pipeline.study import read_study
from publication.row_selection import read_run_table
from rules.branches import TABLES, decided_by_rule
from rules.cases import cases_in_words, differences, read_cases
from rules.in_words import rules_as_table, rules_in_words
from rules.lint import findings
from rules.model import RuleSet
from rules.rule_file import SETS, named_set
from rules.rule_set import read_rule_set, read_rules

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
        of_run = study_of_run(run.resolve())
        rule_set, tables = read_rule_set(of_run), run.resolve() / "tables"
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        if manifest["rule_set"]["digest"] != rule_set.digest:
            raise UserError(
                f"{run}: the rules have changed since this run was made. Run `sojourn run` again, then show them."
            )
        missing = [one for one in TABLES if not (tables / one).exists() and not (tables / f"{one}.parquet").exists()]
        if missing:
            raise UserError(f"{run}: the run has no table '{missing[0]}', so its rules decided nobody.")
        decided = decided_by_rule({one: read_run_table(tables, one) for one in TABLES}, rule_set)
    if as_json:
        return [json.dumps(rules_as_table(rule_set), indent=1, ensure_ascii=False)]
    return rules_in_words(rule_set, decided)


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
