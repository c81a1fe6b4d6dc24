"""The page of rule counts has every rule and branch that ships, and those that decide few people are explained."""

import re
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest.contracts import read_contracts
from rules.branches import branches_of, people_by_rule
from rules.rule_file import SETS
from rules.rule_set import read_rules

DOCS = Path(__file__).parents[2] / "docs"
FEW = 100
NAMES = ("long_term_2019", "definitions_2019")


def counted(name: str) -> dict[str, int]:
    """The people of every rule and branch in the section of a rule set."""
    page = (DOCS / "rule_branches.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    return {rule: int(people.replace(",", "")) for rule, people in re.findall(r"\| `(\w+)` \| ([\d,]+) \|", section)}


@pytest.fixture(scope="module")
def rule_sets() -> dict:
    return {name: read_rules(SETS / f"{name}.toml", read_contracts()) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_every_rule_and_branch_of_the_set(name, rule_sets) -> None:
    people = rule_sets[name].people
    ids = [one.id for one in (*rule_sets[name].evidence.rules, *people.stays, *people.residents, *people.families)]
    groups = [one.id for one in people.definition.groups]
    assert set(counted(name)) == {*ids, *groups, *branches_of(rule_sets[name])}


def test_what_decides_fewer_than_a_hundred_people_is_named_with_the_reason() -> None:
    most: dict[str, int] = {}
    for name in NAMES:
        for rule, people in counted(name).items():
            most[rule] = max(people, most.get(rule, 0))
    text = (DOCS / "rules.md").read_text(encoding="utf-8").partition("| branch | why it decides few |")[2]
    explained = re.findall(r"^\| `(\w+)` \|", text.partition("\n\n")[0], re.MULTILINE)
    assert sorted(explained) == sorted(rule for rule, people in most.items() if people < FEW)


def test_people_are_counted_once_whatever_number_of_stays_a_branch_decided(rule_sets) -> None:
    """Two short stays of one person, and a long one of another whom nothing else tells of."""
    stays = pl.DataFrame(
        {
            "person_id": [1, 1, 2], "definition": "long_term", "stay_rule": "weeks_of_activity",
            "branch": ["too_short", "too_short", "long_enough"],
        }
    )  # fmt: skip
    clusters = pl.DataFrame({"source": ["activity"], "subject_id": [7], "draw": [0], "person_id": [1]})
    evidence = pl.DataFrame({"rule_id": ["weeks_active"] * 3, "source": "activity", "subject_id": [7, 7, 8]})
    residents = pl.DataFrame(
        {"person_id": [1, 1], "decided_by": "worked_for_weeks", "resident": [True, False], "family": "by_age"}
    )
    table = {"stays": stays, "clusters": clusters, "evidence": evidence, "residents": residents}
    found = {key: number for key, number in people_by_rule(table, rule_sets["long_term_2019"]).items() if number}
    assert found == {
        ("branch", "too_short"): 1, ("branch", "long_enough"): 1, ("stay", "weeks_of_activity"): 2,
        ("evidence", "weeks_active"): 1, ("group", "active"): 1, ("resident", "worked_for_weeks"): 1,
        ("resident_family", "by_age"): 1,
    }  # fmt: skip
