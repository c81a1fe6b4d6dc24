# ruff: noqa: E501 (one mistake a line reads best)
"""A user's own cases: people drawn as timelines, and where the rules decide otherwise than expected."""

from pathlib import Path

import pytest
from rule_timelines import default_rules

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from rules.cases import cases_in_words, differences, read_cases
from rules.parameters import with_values
from rules.rule_file import SETS
from rules.rule_set import read_rules

CASE = """
[[case]]
id = "seven_months"
says = "A stay of seven months."
group = "non_EU"
timeline = '''
                    |2016       |2017       |2018
border_in             x
border_out                   x
'''
expect.stays = ["short_term"]
expect.migrations = []
"""


def cases(folder: Path, text: str) -> Path:
    path = folder / "cases.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["long_term_2019", "definitions_2019"])
def test_the_cases_that_ship_are_as_expected(name: str) -> None:
    path = SETS / "cases" / f"{name}.toml"
    assert differences(read_cases(path), read_rules(SETS / f"{name}.toml", read_contracts()), path) == []


def test_a_case_may_expect_something_of_another_definition(tmp_path: Path) -> None:
    by_others = CASE + 'expect.stays_by = { registration = ["long_term"] }\n'
    by_others += "expect.migrations_by = { first_arrival_last_departure = [], registration = [] }\n"
    path = cases(tmp_path, by_others)
    assert [one.sentence for one in differences(read_cases(path), default_rules(), path)] == [
        "seven_months, stays by registration: expected long_term, found none",
    ]
    assert "- stays by `registration`: long_term" in cases_in_words(read_cases(path))


def test_a_difference_says_what_was_expected_and_what_was_found(tmp_path: Path) -> None:
    path = cases(tmp_path, CASE)
    assert differences(read_cases(path), default_rules(), path) == []
    half_a_year = with_values(default_rules(), {"long_term_days": 182, "absence_days": 182})
    assert [one.sentence for one in differences(read_cases(path), half_a_year, path)] == [
        "seven_months, stays: expected short_term, found long_term",
        "seven_months, migrations: expected none, found immigration 2016-03 certain, emigration 2016-10 certain",
    ]


def test_cases_are_shown_as_they_are_drawn(tmp_path: Path) -> None:
    page = cases_in_words(read_cases(cases(tmp_path, CASE)))
    assert page[:3] == ["### seven_months", "", "A stay of seven months. (non_EU, born 1985-05-01)"]
    assert "border_out                   x" in page
    assert "- migrations: none" in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("border_in ", "border_im ", "case 'seven_months': unknown evidence rule 'border_im'. Did you mean 'border_in'?"),
        ("|2016       |2017       |2018", "2016", "the first line of a timeline has years"),
        ("border_in             x", "border_in     x", "the line of 'border_in' begins before 2016"),
        ('"non_EU"', '"nonEU"', "case 'seven_months', key 'group': unknown nationality group 'nonEU'. Did you mean 'non_EU'?"),
        ("expect.migrations = []", "expect.migration = []", "Did you mean 'migrations'?"),
        ('expect.stays = ["short_term"]\nexpect.migrations = []', "expect = {}", "nothing is expected"),
        ("expect.migrations = []", "expect.residents_by = { two = [2016] }", "key 'residents_by': unknown family 'two'"),
        ("expect.migrations = []", "expect.stays_by = { long = [] }", "key 'stays_by': unknown definition 'long'. Did you mean 'long_term'?"),
        ("says = ", "say = ", "case 'seven_months'"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = cases(tmp_path, CASE.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        differences(read_cases(path), default_rules(), path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="case 'seven_months': this id is used twice"):
        read_cases(cases(tmp_path, CASE + CASE))
