# ruff: noqa: E501 (one mistake a line reads best)
"""Residents by each family of residence rules, on evidence of people made by hand."""

import datetime as dt
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from rule_timelines import default_rules, observed, outcome_of, outcomes_of, tax_year

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from rules.families.index import Index
from rules.model import RuleSet
from rules.rule_set import read_rules

D = dt.date
HEAD = 'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "long_term_2019"\n'


def extended(folder: Path, text: str) -> RuleSet:
    (folder / "mine.toml").write_text(HEAD + text)
    return read_rules(folder / "mine.toml", read_contracts())


def posted(*years: int) -> list[dict]:
    """A registration in September of each year: a sign of the reference date of the next."""
    return [observed("nhs_posted", D(year, 9, 1)) for year in years]


def listed(*years: int) -> list[dict]:
    return [observed("nhs_listed", D(year, 7, 31)) for year in years]


def worked(*years: int, weeks: int = 52) -> list[dict]:
    return [tax_year(year, weeks) for year in years]


ALWAYS = worked(*range(2009, 2015), *range(2016, 2019))
"""Work in every year but one, which is too short an absence to end a stay."""


def test_every_family_is_in_the_table_and_one_is_published() -> None:
    outcome = outcome_of([*worked(*range(2009, 2019)), *posted(2015)])
    found = outcome.all_residents
    assert set(found["family"]) == {"activity_window", "two_families", "by_age", "residency_index"}
    assert found.filter("published")["family"].unique().to_list() == ["activity_window"]
    assert found.height == found.unique(["person_id", "reference_date", "family"]).height


def test_two_families_need_two_kinds_of_sources() -> None:
    """The NHS's register and its list are one kind; work is another."""
    both = outcome_of([*worked(*range(2009, 2019)), *posted(2015)]).by_family["two_families"]
    assert both == {2016: "worked_or_claimed"}
    assert "two_families" not in outcome_of([*posted(2015), *listed(2016)]).by_family


@pytest.mark.parametrize(
    ("born", "evidence", "expected"),
    [
        (D(2010, 5, 1), listed(2016), "listed"),  # a child is found on the list
        (D(1985, 5, 1), listed(2016), None),  # an adult is not
        (D(1985, 5, 1), [*ALWAYS, *worked(2015, weeks=4)], "worked_for_weeks"),
        (D(1985, 5, 1), [*ALWAYS, *worked(2015, weeks=3)], None),  # too few weeks at working age
        (D(1940, 5, 1), [*ALWAYS, *worked(2015, weeks=3)], "worked_or_claimed"),  # any week of a pension
        (D(1998, 7, 1), listed(2016), "listed"),  # 18 on the day after the date
        (D(1998, 6, 1), listed(2016), None),
    ],
)
def test_signs_by_age(born: dt.date, evidence: list[dict], expected: str | None) -> None:
    assert outcome_of(evidence, born=born).by_family.get("by_age", {}).get(2016) == expected


def test_the_index_remembers_one_year_without_a_sign_and_forgets_after_two() -> None:
    """1, .8, .64, and with a sign again .64 x .8 + .2 = .712."""
    index = outcome_of(posted(2014, 2017)).by_family["residency_index"]
    assert index == {2015: "registered_with_nhs", 2016: "residency_index", 2018: "registered_with_nhs"}


def recursion(index: Index, years: Sequence[int], date: int) -> float:
    """R year by year, as it is published; `years` are those whose 30 June has a sign."""
    first = min(year for year in years if year >= date - index.memory.value)
    points = index.starts_at.value
    for year in range(first + 1, date + 1):
        points = index.keeps.value * points + (index.gains.value if year in years else 0)
    return points


def test_the_index_is_that_of_the_published_recursion(tmp_path: Path) -> None:
    """200 people with signs in random years; the index starts low here, so that signs must add up."""
    low = extended(
        tmp_path,
        '[[resident_family]]\nid = "residency_index"\n'
        '[resident_family.parameters.starts_at]\nvalue = 0.3\nsource_of_value = "A test"\n'
        '[resident_family.parameters.gains]\nvalue = 0.25\nsource_of_value = "A test"\n',
    )
    rng = random.Random(4)
    people = [sorted(rng.sample(range(2007, 2018), rng.randrange(1, 11))) for _ in range(200)]
    both = 0
    for rules in (default_rules(), low):
        index = next(one for one in rules.people.families if isinstance(one, Index))
        outcomes = outcomes_of([posted(*years) for years in people], rule_set=rules)
        for years, one in zip(people, outcomes, strict=True):
            signed = [year + 1 for year in years]
            expected = [
                date
                for date in range(2015, 2020)
                if any(date - index.memory.value <= year <= date for year in signed)
                and recursion(index, [year for year in signed if year <= date], date) >= index.resident_from.value
            ]
            found = one.all_residents.filter(family="residency_index")["reference_date"].dt.year().to_list()
            assert sorted(found) == expected, years
            both += len(expected)
    assert both > 300


def test_dead_and_gone_people_are_residents_by_no_family() -> None:
    """Death, embarkation without a sign since, a long absence: each removes from all families that look back."""
    active = [*worked(*range(2009, 2016)), *posted(2013, 2014, 2015), *listed(2013, 2014, 2015, 2016)]
    dead = outcome_of(active, died=D(2016, 5, 1))
    assert all(2016 not in years for years in dead.by_family.values())
    of_2016 = dead.all_residents.filter(family="residency_index", reference_date=D(2016, 6, 30))
    assert of_2016.select("resident", "decided_by").row(0) == (False, "dead")
    gone = outcome_of([*posted(2013, 2014), *posted(2015), observed("nhs_removed", D(2016, 3, 1), code="embarked")])
    for family in ("residency_index", "by_age"):
        found = gone.all_residents.filter(family=family, reference_date=D(2016, 6, 30))
        assert found.select("resident", "decided_by", "probability").row(0) == (False, "embarked", 0.0)
    away = outcome_of(
        [
            observed("permission_to_stay", D(2012, 1, 1), D(2020, 1, 1), code="work"),
            observed("border_in", D(2012, 1, 5)),
            observed("border_out", D(2016, 5, 1)),
        ],
        group="non_EU",
    ).all_residents.filter(reference_date=D(2016, 6, 30))
    assert set(away["family"]) == {"activity_window", "by_age"}
    assert set(away["decided_by"]) == {"left_for_long"}


def test_embarkation_is_forgotten_when_the_person_is_seen_again() -> None:
    removed = observed("nhs_removed", D(2015, 3, 1), code="embarked")
    outcome = outcome_of([*posted(2014), removed, *posted(2015)], born=D(2010, 5, 1))
    decided = dict(outcome.all_residents.filter(family="by_age").select("reference_date", "decided_by").iter_rows())
    assert decided[D(2015, 6, 30)] == "embarked"
    assert decided[D(2016, 6, 30)] != "embarked"
    gone_away = observed("nhs_removed", D(2015, 3, 1), code="gone_away")
    kept = outcome_of([*posted(2014), gone_away], born=D(2010, 5, 1)).all_residents
    assert "embarked" not in kept["decided_by"].to_list()


COUNTED = """
[[resident]]
id = "travels_often"
says = "Crossed the border several times in a year."
form = "count"
source_family = "border"
evidence = ["border_in", "border_out"]
months_before = "$activity_window"
[resident.parameters.at_least]
says = "Crossings that show that a person lives here."
value = 3
unit = "times"
range = [1, 10]
source_of_value = "A test"
holds_from = 2000-01-01
later = { 2018-01-01 = 2 }

[[resident_family]]
id = "travellers"
says = "Residents cross the border several times a year."
form = "priority"
signs = ["travels_often"]
source_of_rule = "A test"
"""


def test_a_sign_may_need_a_number_of_pieces_of_evidence_that_differs_by_date(tmp_path: Path) -> None:
    rules = extended(tmp_path, COUNTED)
    crossings = [observed("border_in", D(2015, 9, 1)), observed("border_out", D(2015, 12, 1)),
                 observed("border_in", D(2016, 1, 5)), observed("border_out", D(2016, 7, 1)),
                 observed("border_in", D(2017, 6, 1)), observed("border_out", D(2017, 8, 1)),
                 observed("border_in", D(2017, 9, 1))]  # fmt: skip
    outcome = outcome_of(crossings, rule_set=rules)
    assert set(outcome.by_family["travellers"]) == {2016, 2018}  # 3 in the year to 2016, 2 to 2017 and 2018


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('published_family = "activity_windows"', "key 'published_family': unknown family 'activity_windows'. Did you mean 'activity_window'?"),
        ('[[resident_family]]\nid = "by_age"\nunless = ["deed"]', "mine.toml, resident_family rule 'by_age', key 'unless': unknown exclusion 'deed'. Did you mean 'dead'?"),
        ('[[resident_family]]\nid = "activity_window"\nsigns = ["studid"]', "key 'signs': unknown sign 'studid'. Did you mean 'studied'?"),
        ('[[resident_family]]\nid = "activity_window"\nsigns = ["dead"]', "unknown sign 'dead'"),
        ('[[resident_family]]\nid = "activity_window"\nform = "prioriti"', "unknown form 'prioriti'. Did you mean 'priority'?"),
        ('[[resident_family]]\nid = "by_age"\n[[resident_family.band]]\nid = "pension_age"\nbelow_age = "$pension_age"', "only the last band may, and must"),
        ('[[resident_family]]\nid = "by_age"\n[[resident_family.band]]\nid = "children"\nsigns = ["studid"]', "resident_family rule 'by_age', key 'signs': unknown sign 'studid'"),
        ('[[resident]]\nid = "studied"\nform = "count"', "resident rule 'studied': the key 'at_least' is missing"),
        ('[[resident_family]]\nid = "residency_index"\nkeeps = 0.8', "key 'keeps': a value alone does not say what it is"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        extended(tmp_path, text)
    assert message in str(error.value)
