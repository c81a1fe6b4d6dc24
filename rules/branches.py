"""How many people each rule decided in a run, from the tables that the run wrote: nothing is computed again."""

from collections.abc import Mapping

import polars as pl

from pipeline.schemas import STAY_BRANCHES
from rules.model import RuleSet

TABLES = ("clusters", "evidence", "people", "stays", "migrations", "residents")
"""The tables of a run that are read."""


RESIDENTS = "resident_family"


def people_by_rule(table: Mapping[str, pl.DataFrame], rule_set: RuleSet) -> dict[tuple[str, str], int]:
    """Return, by kind and id of a rule, how many people it decided; those of attributes are not counted.

    `table` has the run's `TABLES`. Evidence is counted by people with a piece of it, a stay rule by those whose stays
    of the composite, or of a definition by group, it dates (a rule over crossings, or by group, by those who have
    stays by itself), a group by those whose first group it is, signs and exclusions by those whom they decided on any
    date in any family, a family by its residents. Of the kind `branch` are the branches of stays: by people with a
    stay of any definition that it decided.
    """
    people = rule_set.people
    evidence = _evidence(table)
    by_evidence = _people(evidence, "rule_id")
    by_groups = [people.definition.id, *(one.id for one in people.group_rules)]
    stays = table["stays"].filter(pl.col("definition").is_in(by_groups))
    alone = [one.id for one in (*people.crossings_rules, *people.group_rules)]
    by_stay = _people(stays.filter(pl.col("definition") != pl.col("stay_rule")), "stay_rule")
    by_stay |= _people(table["stays"].filter(pl.col("definition").is_in(alone)), "definition")
    by_branch = _people(table["stays"], "branch")
    by_sign = _people(table["residents"], "decided_by")
    by_family = _people(table["residents"].filter("resident"), "family")
    found = {("evidence", one.id): by_evidence.get(one.id, 0) for one in rule_set.evidence.rules}
    found |= {("stay", one.id): by_stay.get(one.id, 0) for one in people.stays}
    found |= {("branch", name): by_branch.get(name, 0) for name in branches_of(rule_set)}
    found |= {("resident", one.id): by_sign.get(one.id, 0) for one in people.residents}
    found |= {(RESIDENTS, one.id): by_family.get(one.id, 0) for one in people.families}
    return found | {("group", group): size for group, size in _groups(evidence, rule_set).items()}


def branches_of(rule_set: RuleSet) -> list[str]:
    """Return the branches by which the definitions of a rule set can decide a stay."""
    of_residence = [
        name for name, status in STAY_BRANCHES.items() if status in ("long_term", "short_term", "unfinished")
    ]
    others = [name for name in STAY_BRANCHES if name not in of_residence]
    counts_all = all(one.counts_residence for one in rule_set.people.crossings_rules)
    return of_residence if counts_all else [*of_residence, *others]


def decided_by_rule(table: Mapping[str, pl.DataFrame], rule_set: RuleSet) -> dict[tuple[str, str], str]:
    """Return, by kind and id of a rule, how many people it decided, in words; a rule that decided nobody says so.

    `table` has the run's `TABLES`. They are those of `people_by_rule`; an attribute is counted by the source of its
    value.
    """
    found = {
        (kind, name): f"{number:,} {'residents' if kind == RESIDENTS else 'people'}" if number else "nobody"
        for (kind, name), number in people_by_rule(table, rule_set).items()
    }
    for attribute in rule_set.people.attributes:
        source = f"{attribute.id.removesuffix('_group')}_source"
        values = table["people"].group_by(source).len().sort("len", source, descending=[True, False])
        found["attribute", attribute.id] = ", ".join(
            f"{count:,} by {name or 'no source'}" for name, count in values.iter_rows()
        )
    return found


def _evidence(table: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return `rule_id, person_id` of every piece of evidence, by the best links."""
    best = table["clusters"].filter(pl.col("draw") == 0).select("source", "subject_id", "person_id")
    return (
        table["evidence"]
        .select(pl.col("rule_id", "source").cast(pl.String), "subject_id")
        .join(best.with_columns(pl.col("source").cast(pl.String)), on=["source", "subject_id"], how="inner")
        .select("rule_id", "person_id")
    )


def _people(frame: pl.DataFrame, key: str) -> dict[str, int]:
    counted = frame.group_by(pl.col(key).cast(pl.String)).agg(pl.col("person_id").n_unique())
    return dict(counted.iter_rows())


def _groups(evidence: pl.DataFrame, rule_set: RuleSet) -> dict[str, int]:
    """Return the number of people in each group of the definition: the first whose evidence they have."""
    groups = rule_set.people.definition.groups
    first = pl.coalesce(
        *(
            pl.when(pl.col("rule_id").is_in(one.evidence).any() if one.evidence else pl.lit(value=True))
            .then(pl.lit(one.id))
            for one in groups
        )
    )  # fmt: skip
    sizes = evidence.group_by("person_id").agg(group=first).group_by("group").len()
    return {one.id: 0 for one in groups} | dict(sizes.iter_rows())
