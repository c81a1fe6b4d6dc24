"""What decided a stay, with its margin, and what would change it: each change is tried on the rules themselves."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from rule_timelines import DATA_DATE, default_rules, observed, outcome_of, tax_year

from pipeline.schemas import STAY_BRANCHES
from publication.people.decisions import Thresholds, decisions_of, nearest_flip
from publication.people.person import Person
from rules.explain import groups_that_apply, sentences, threshold_parameters
from rules.model import RuleSet
from rules.parameters import with_parameters

D = date
THRESHOLDS = {rule: Thresholds(*keys) for rule, keys in threshold_parameters(default_rules().people).items()}


def person_of(outcome) -> Person:
    """Return the person of a timeline, as the tables of a run would have it."""
    empty = pl.DataFrame()
    return Person(
        1,
        "long_term",
        DATA_DATE,
        {},
        empty,
        empty,
        empty,
        empty,
        outcome.stays,
        outcome.migration_rows,
        outcome.resident_rows,
    )


def path(evidence, **more):
    person = person_of(outcome_of(evidence, **more))
    return [one for one in decisions_of(person, thresholds=THRESHOLDS) if "residence" not in one.about]


def crossings(into: date, out: date | None = None, back: date | None = None) -> list[dict]:
    rows = [observed("permission_to_stay", into, D(2021, 1, 1), code="work"), observed("border_in", into)]
    rows += [observed("border_out", out)] if out else []
    return rows + ([observed("border_in", back)] if back else [])


def with_parameter(rule_set: RuleSet, parameter: str, value: int) -> RuleSet:
    """Return the rules with one parameter changed, also beyond its range."""
    changed = rule_set.parameters[parameter].model_copy(update={"value": value})
    return with_parameters(rule_set, {parameter: changed})


def test_a_long_stay_and_the_absence_after_it_have_margins_in_days():
    """1 May 2016 to 30 May 2017 are 394 days, 29 more than 365; observed absent until the data date."""
    stay, absence = path(crossings(D(2016, 5, 1), D(2017, 5, 30)))
    assert (stay.outcome, stay.branch) == ("long-term; immigration, certain", "long_enough")
    assert (stay.value, stay.needed, stay.margin) == (394, 365, 29)
    assert [rule for rule, _ in stay.records] == ["border_in", "border_out"]
    days = (D(2020, 1, 1) - D(2017, 5, 30)).days
    assert (absence.outcome, absence.value, absence.margin) == ("emigration, certain", days, days - 365)
    assert absence.flips[0].change == f"a return by 2018-05-30, {days - 365} days earlier"
    nearest = nearest_flip((stay, absence))
    assert nearest is not None
    assert (nearest[0], nearest[1].days) == (stay, -29)


def test_a_return_ends_the_absence_that_decides():
    """Away for 400 days: 35 more than end no stay, whatever has passed since."""
    out = D(2017, 9, 1)
    decisions = path(crossings(D(2016, 5, 1), out, out + timedelta(400)))
    absence = decisions[1]
    assert (absence.value, absence.margin) == (400, 35)
    assert absence.because == f"absent for 400 days, until {out + timedelta(400)}: more than 365 end a stay"


BRANCHES = {
    "long_enough": crossings(D(2016, 5, 1), D(2017, 5, 30)),
    "too_short": crossings(D(2016, 5, 1), D(2017, 4, 30)),
    "may_go_on": crossings(D(2019, 2, 1)),
    "may_return": crossings(D(2018, 10, 1), D(2019, 6, 1)),
    "present_before": [tax_year(year, 52) for year in range(2009, 2019)],
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_branch_gives_the_status(branch):
    outcome = outcome_of(BRANCHES[branch])
    assert outcome.composite["branch"].to_list() == [branch]
    assert outcome.classes == [STAY_BRANCHES[branch]]


def test_a_birth_and_a_death_are_branches():
    born = D(2016, 3, 1)
    child = [observed("birth_registered", born), observed("nhs_posted", born)]
    assert outcome_of(child, born=born).composite["branch"].to_list() == ["born_here"]
    dead = outcome_of(crossings(D(2018, 3, 1)), died=D(2018, 9, 1))
    assert dead.composite["branch"].to_list() == ["died_before"]
    (stay,) = path(crossings(D(2018, 3, 1)), died=D(2018, 9, 1))
    assert (stay.outcome, stay.margin) == ("short-term", 184 - 365)


def outcomes(evidence, parameter: str | None = None, value: int = 0) -> dict[str, str]:
    """Return the outcome of every stay and absence, by what it is about, with a parameter changed if one is given."""
    rules = default_rules() if parameter is None else with_parameter(default_rules(), parameter, value)
    return {one.about: _class(one.outcome) for one in path(evidence, rule_set=rules)}


CASES = {
    **{name: rows for name, rows in BRANCHES.items() if name != "present_before"},
    "long absence": crossings(D(2015, 5, 1), D(2016, 9, 1), D(2017, 9, 15)),
    "absence not known": crossings(D(2016, 5, 1), D(2019, 3, 1)),
    "weeks": [*(tax_year(year, 52) for year in (2012, 2013, 2014)), observed("worker_arrived", D(2012, 4, 10))],
    "weeks, just enough": [tax_year(2013, 30), tax_year(2014, 25), observed("worker_arrived", D(2013, 9, 1))],
}


@pytest.mark.parametrize("name", CASES)
def test_a_parameter_that_is_told_to_change_the_outcome_does_and_one_day_less_does_not(name):
    """Every change of a parameter is carried out: the nearest value that suffices, and the one before it."""
    rows = CASES[name]
    before = outcomes(rows)
    flips = [(one.about, flip) for one in path(rows) for flip in one.flips if flip.parameter is not None]
    assert flips
    for about, flip in flips:
        present = default_rules().parameters[flip.parameter].value
        nearer = flip.value - 1 if flip.value > present else flip.value + 1
        assert outcomes(rows, flip.parameter, flip.value).get(about) != before[about], flip
        assert outcomes(rows, flip.parameter, nearer)[about] == before[about], flip


def _class(outcome: str) -> str:
    """Return an outcome without its probability, which is a share of other people."""
    return outcome.partition(" (")[0]


@pytest.mark.parametrize(
    ("days", "status"), [(365, "short-term"), (366, "long-term")],
)  # fmt: skip
def test_the_days_that_are_told_to_be_missing_make_a_stay_long(days, status):
    """A stay of 340 days lacks 26: with 25 more it is still short, with 26 it is long."""
    (stay,) = path(crossings(D(2016, 5, 1), D(2016, 5, 1) + timedelta(340)))
    assert stay.flips[0].days == 26
    assert 340 + stay.flips[0].days == 366
    assert path(crossings(D(2016, 5, 1), D(2016, 5, 1) + timedelta(days)))[0].outcome.partition(";")[0] == status


def test_a_stay_that_goes_on_says_until_when():
    """From 1 February 2019, more than 365 days are over on 2 February 2020."""
    (stay,) = path(crossings(D(2019, 2, 1)))
    assert stay.flips[0].change == "present until 2020-02-02: 32 days more"
    assert stay.value == (D(2020, 1, 1) - D(2019, 2, 1)).days


def test_residence_names_its_rule_and_the_stay_under_way():
    decisions = decisions_of(person_of(outcome_of(crossings(D(2016, 5, 1), D(2017, 5, 30)))))
    residence = {one.about: (one.outcome, one.rule, one.because) for one in decisions if "residence" in one.about}
    assert residence["residence on 2016-06-30"] == (
        "resident", "crossed_the_border", "in the stay from 2016-05-01, which is long-term",
    )  # fmt: skip


WORKS = [tax_year(2016, 52), tax_year(2017, 52)]


def residence_on(day: str, stay_ends: date) -> list[tuple[str, str]]:
    decisions = decisions_of(person_of(outcome_of([*crossings(D(2016, 5, 1), stay_ends), *WORKS])))
    (found,) = [one for one in decisions if one.about == f"residence on {day}"]
    return [(one.change, one.outcome) for one in found.flips]


def test_residence_says_which_end_of_the_stay_would_change_it():
    """Who leaves on 20 June 2018 lacks eleven days as a resident of the 30th, which the rules confirm."""
    leaves = D(2018, 6, 20)
    assert residence_on("2017-06-30", leaves)[0] == ("the end of the stay 355 days earlier", "not resident")
    assert residence_on("2018-06-30", leaves)[0] == ("the end of the stay 11 days later", "resident")
    assert residence_on("2018-06-30", leaves + timedelta(11))[0][1] == "not resident"


def test_residence_says_which_families_of_rules_decide_otherwise():
    person = person_of(outcome_of(crossings(D(2016, 5, 1))))
    day = person.residents.filter("published", "resident").row(0, named=True)
    other = {**day, "family": "by_age", "published": False, "resident": False, "decided_by": "dead"}
    own = replace(person, residents=pl.DataFrame([day, other], schema=person.residents.schema))
    (found,) = [one for one in decisions_of(own) if "residence" in one.about]
    assert ("residents published by by_age (dead)", "not resident") in [
        (one.change, one.outcome) for one in found.flips
    ]


def test_a_certain_migration_of_somebody_who_may_be_another_person_says_its_probability():
    outcome = outcome_of(crossings(D(2016, 5, 1), D(2017, 5, 30)))
    doubtful = replace(
        person_of(outcome), migrations=outcome.migration_rows.with_columns(probability=pl.lit(0.6))
    )  # fmt: skip
    outcomes = [one.outcome for one in decisions_of(doubtful)]
    assert "emigration, certain by the rules, probability 0.60" in outcomes
    assert "emigration, certain" in [one.outcome for one in decisions_of(person_of(outcome))]


def test_the_first_group_with_evidence_measures_and_the_next_completes():
    rules = default_rules().people
    groups = groups_that_apply(rules, {"border_out": 2, "weeks_active": 9, "nhs_listed": 4})
    assert [(one.group, one.stay_rule, dict(one.pieces)) for one in groups] == [
        ("visa_nationals", "first_arrival_last_departure", {"border_out": 2}),
        ("active", "weeks_of_activity", {"weeks_active": 9}),
        ("others", "registration", {}),
    ]
    alone = rules.model_copy(update={"published": "weeks_of_activity"})
    assert groups_that_apply(alone, {"weeks_active": 9}) == []


def test_every_rule_that_can_be_named_has_a_sentence():
    rules, says = default_rules(), sentences(default_rules())
    for one in (*rules.evidence.rules, *rules.people.stays, *rules.people.residents, *rules.people.definition.groups):
        assert says[one.id].startswith(one.says)
