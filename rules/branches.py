"""How many people each rule decided in a run, from the tables that the run wrote: nothing is computed again."""

from collections.abc import Mapping

import polars as pl

from rules.model import RuleSet

TABLES = ("clusters", "evidence", "people", "stays", "migrations", "residents")
"""The tables of a run that are read."""


def decided_by_rule(table: Mapping[str, pl.DataFrame], rule_set: RuleSet) -> dict[tuple[str, str], str]:
    """Return, by kind and id of a rule, how many people it decided, in words; a rule that decided nobody says so.

    `table` has the run's `TABLES`. Evidence is counted by people with a piece of it, a stay rule by those whose stays
    of the composite definition it dates (a rule over crossings, or by group, by those who have stays by itself), a
    group by those whose first group it is, signs and exclusions by those whom they decided on any date in any family,
    a family by its residents, an attribute by the source of its value.
    """
    people = rule_set.people
    best = table["clusters"].filter(pl.col("draw") == 0).select("source", "subject_id", "person_id")
    evidence = (
        table["evidence"]
        .select(pl.col("rule_id", "source").cast(pl.String), "subject_id")
        .join(best.with_columns(pl.col("source").cast(pl.String)), on=["source", "subject_id"], how="inner")
        .select("rule_id", "person_id")
    )
    found: dict[tuple[str, str], str] = {}
    by_evidence = _people(evidence, "rule_id")
    stays = table["stays"].filter(pl.col("definition") == people.definition.id)
    alone = [one.id for one in (*people.crossings_rules, *people.group_rules)]
    by_stay = _people(stays.filter(pl.col("definition") != pl.col("stay_rule")), "stay_rule")
    by_stay |= _people(table["stays"].filter(pl.col("definition").is_in(alone)), "definition")
    by_sign = _people(table["residents"], "decided_by")
    by_family = _people(table["residents"].filter("resident"), "family")
    found |= {("evidence", one.id): _count(by_evidence, one.id) for one in rule_set.evidence.rules}
    found |= {("stay", one.id): _count(by_stay, one.id) for one in people.stays}
    found |= {("resident", one.id): _count(by_sign, one.id) for one in people.residents}
    found |= {("resident_family", one.id): _count(by_family, one.id, "residents") for one in people.families}
    found |= {("group", group): _count({group: size}, group) for group, size in _groups(evidence, rule_set).items()}
    for attribute in people.attributes:
        source = f"{attribute.id.removesuffix('_group')}_source"
        values = table["people"].group_by(source).len().sort("len", source, descending=[True, False])
        found["attribute", attribute.id] = ", ".join(
            f"{count:,} by {name or 'no source'}" for name, count in values.iter_rows()
        )
    return found


def _people(frame: pl.DataFrame, key: str) -> dict[str, int]:
    counted = frame.group_by(pl.col(key).cast(pl.String)).agg(pl.col("person_id").n_unique())
    return dict(counted.iter_rows())


def _count(people: Mapping[str, int], name: str, word: str = "people") -> str:
    number = people.get(name, 0)
    return f"{number:,} {word}" if number else "nobody"


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
