"""The transcript in docs/explain.md has the form that `sojourn explain` prints."""

import re
from pathlib import Path

import pytest

from pipeline.ingest.contracts import read_contracts
from publication.people.timeline_text import LEGEND
from publication.words import source_name
from rules.rule_file import SETS
from rules.rule_set import read_rules

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"


@pytest.fixture(scope="module")
def transcript() -> str:
    return PAGE.read_text(encoding="utf-8").partition("## What it shows")[2].split("```")[1]


def test_the_person_is_the_one_of_the_command_above(transcript) -> None:
    person = re.search(r"sojourn explain sojourn-demo/run (\d+)", PAGE.read_text(encoding="utf-8"))[1]
    assert transcript.startswith(f"\nPerson {person}: ")


def test_the_signs_are_those_that_timelines_are_drawn_in(transcript) -> None:
    assert re.search(r"^  A column is .*?: (.*)$", transcript, re.MULTILINE)[1] == LEGEND


def test_every_lane_is_of_a_rule_that_ships(transcript) -> None:
    rules = read_rules(SETS / "long_term_2019.toml", read_contracts()).evidence.rules
    lanes = {f"{source_name(one.source)}: {one.id}" for one in rules}
    drawn = re.findall(r"^  ((?!A column)\S[^:|\n]*: \w+)  ", transcript.partition("  Decisions")[0], re.MULTILINE)
    assert len(drawn) > 3
    assert set(drawn) <= lanes


def test_every_decision_has_a_reason_and_who_decided(transcript) -> None:
    decisions = transcript.partition("  Decisions\n")[2].partition("\n  …")[0]
    heads = re.findall(r"^    \S.*: .*$", decisions, re.MULTILINE)
    assert len(heads) > 3
    for key in ("because", "by     "):
        assert len(re.findall(rf"^      {key}  ", decisions, re.MULTILINE)) == len(heads)
    kinds = ("the records", "the stay rule", "stay from", "absence from", "residence on")
    assert all(head.strip().startswith(kinds) for head in heads)
