"""The verb `explain`: one person of a run, from the records to what was decided. Changes nothing in the run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from flows.ablation import stored_result
from flows.evaluate import rules_of_run, study_of_run
from flows.explain import FORM, explain_all
from flows.explain import explanation_text as pair_text
from flows.run import check_threads
from flows.terminal import typed
from linkage.stages import LINK
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.study import Study
from pipeline.tables import read_table, write_text
from publication.people.decisions import Decision, Flip, Thresholds, decisions_of
from publication.people.explanation import Explanation, explanation_json, explanation_page, explanation_text
from publication.people.person import Person, read_people
from publication.run_folder import read_manifest
from rules.explain import groups_that_apply, sentences, threshold_parameters
from rules.model import RuleSet
from rules.rule_set import person_rules_of

NO_STAYS = "the study has no stays, so nothing was decided about people. Its report says what is missing."


def explain_run(run: Path, name: str, *, as_json: bool, html: Path | None, levels: bool, threads: int) -> int:
    """Print why one person of a run was decided about as they were, or write a page; return the exit status.

    `name` is a `person_id`, or a subject as `SOURCE:SUBJECT`. With `levels`, links are made again in memory to tell
    what each weighs, level by level.
    """
    check_threads(threads)
    run = run.resolve()
    study = study_of_run(run)
    person_id = find_person(run / "tables", name)
    explanation = explanations(study, run, [person_id], levels=levels, threads=threads)[0]
    if html is not None:
        write_text(explanation_page(explanation, study.name, synthetic=study.synthetic), html)
    if as_json:
        print(explanation_json([explanation]))  # noqa: T201 - the requested output
    elif html is None:
        print("\n".join(explanation_text(explanation)))  # noqa: T201 - the requested output
    else:
        print(f"  page     {typed(html)}")  # noqa: T201 - where the page is
    return 0


def find_person(tables: Path, name: str) -> int:
    """Return the `person_id` that a name stands for; raises `UserError` if the run has no such person."""
    source, colon, number = name.rpartition(":")
    if not (number.isascii() and number.isdigit()) or int(number) >= 2**63:
        raise UserError(
            f"{name}: not the name of a person. Give a person_id of the run, as in {tables / 'people.parquet'}, or a "
            f"record of the person as {FORM}, as in {tables / 'links.parquet'}."
        )
    clusters = read_table(tables / "clusters.parquet").filter(pl.col("draw") == 0)
    if not colon:
        own = clusters.filter(pl.col("person_id") == int(number))
    else:
        own = clusters.filter(pl.col("source") == source, pl.col("subject_id") == int(number))
    if own.is_empty():
        what = "no such person" if not colon else "no such record"
        raise UserError(f"{name}: {what} in {tables / 'clusters.parquet'}.")
    return int(own["person_id"][0])


def explanations(
    study: Study, run: Path, people: Sequence[int], *, levels: bool = False, threads: int = 2
) -> list[Explanation]:
    """Return the explanation of each person of a finished run, in their order."""
    manifest = read_manifest(run)
    if manifest is None or not (run / "tables" / "stays.parquet").exists():
        raise UserError(f"{run}: {NO_STAYS}")
    rules = rules_of_run(study, run, manifest)
    data_date = date.fromisoformat(manifest["study"]["data_date"])
    found = read_people(run / "tables", people, manifest["definition"], data_date)
    return [
        _explanation(found[one], rules, study, _pairs(study, run, manifest, found[one], threads) if levels else ())
        for one in people
    ]


def _explanation(person: Person, rules: RuleSet, study: Study, pairs: tuple) -> Explanation:
    thresholds = {
        rule: Thresholds(*keys) for rule, keys in threshold_parameters(person_rules_of(rules, study)).items()
    }
    decisions = decisions_of(person, _measured_by(person, rules, study), thresholds)
    named = {one.rule for one in decisions} | {rule for one in decisions for rule, _ in one.records}
    named |= {flip.parameter.partition(".")[0] for one in decisions for flip in one.flips if flip.parameter}
    named |= set(person.evidence["rule_id"]) | {one.branch for one in decisions}
    says = {rule: sentence for rule, sentence in sentences(rules).items() if rule in named}
    return Explanation(person, decisions, says, pairs)


def _measured_by(person: Person, rules: RuleSet, study: Study) -> tuple[Decision, ...]:
    """Return which group of the definition, and so which stay rule, measures the person."""
    known = person.evidence.filter(pl.col("known_on") <= person.data_date, pl.col("date") <= person.data_date)
    groups = groups_that_apply(person_rules_of(rules, study), Counter(known["rule_id"]))
    if not groups or person.decided_stays.is_empty():
        return ()
    first, *others = groups
    pieces = ", ".join(f"{count} of {rule}" for rule, count in first.pieces.items())
    following = next((one for one in others if one.stay_rule != first.stay_rule), None)
    flips = () if following is None else (
        Flip(
            f"no evidence of {', '.join(first.pieces)}",
            f"measured by {following.stay_rule} (group {following.group}): {_stays_by(person, following.stay_rule)}",
        ),
    )  # fmt: skip
    return (
        Decision(
            about="the stay rule",
            begins=person.decided_stays["start"][0],
            outcome=f"measured by {first.stay_rule}",
            rule=person.definition,
            branch=first.group,
            because=f"has evidence: {pieces}" if pieces else "has no evidence of the groups before",
            flips=flips,
        ),
    )


def _stays_by(person: Person, definition: str) -> str:
    stays = person.stays.filter(pl.col("definition") == definition).sort("start")
    found = [
        f"{str(status).replace('_', '-')} from {start} to {end or 'now'}"
        for start, end, status in stays.select("start", "end", "status").rows()
    ]
    return ", ".join(found) or "no stay"


def _pairs(study: Study, run: Path, manifest: dict[str, Any], person: Person, threads: int) -> tuple:
    """Return the explanation of each link of the person, as text and as data."""
    ends = person.links.select("source", "subject_id", "other_source", "other_subject_id").rows()
    pairs = [(f"{source}:{subject}", f"{other}:{number}") for source, subject, other, number in ends]
    if not pairs:
        return ()
    stages = (INGEST.name, LINK.name)
    records = {name: stored_result(run, name, manifest["stages"][name]["key"]) for name in stages}
    return tuple((pair_text(one), asdict(one)) for one in explain_all(study, run, records, pairs, threads))
