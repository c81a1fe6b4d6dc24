"""The set `definitions_2019`: short-term and circular migration, and first to last on chains, by hand."""

import datetime as dt
from functools import cache

import polars as pl
import pytest
from rule_timelines import DATA_DATE, observed, outcomes_of

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from pipeline.study import Study
from rules.model import RuleSet
from rules.rule_file import SETS
from rules.rule_set import person_rules_of, read_rules
from rules.timelines import piece_of_evidence

D, DAYS = dt.date, dt.timedelta
ONE, THREE, UN = "short_term_1_12", "short_term_3_12", "short_term_un"


@cache
def definitions() -> RuleSet:
    return read_rules(SETS / "definitions_2019.toml", read_contracts())


def travel(*days: dt.date, out_first: bool = False, code: str | None = None) -> list[dict]:
    """Crossings, in and out in turn; `code` is the visa on arrivals."""
    ways = ("border_in", "border_out")
    return [
        observed(ways[(number + out_first) % 2], on, code=None if (number + out_first) % 2 else code)
        for number, on in enumerate(days)
    ]


def evidence(rule: str, on: dt.date, end: dt.date | None = None, code: str | None = None) -> dict:
    found = next(one for one in definitions().evidence.rules if one.id == rule)
    return piece_of_evidence(found, on, end, code=code)


def to_stay(start: dt.date, end: dt.date | None, code: str = "study") -> dict:
    return evidence("permission_to_stay", start, end, code)


COMES, MONTH, THREE_MONTHS, YEAR = D(2016, 1, 31), D(2016, 2, 29), D(2016, 4, 30), D(2017, 1, 31)
EDGE = DATA_DATE - DAYS(400)  # a visit of forty days that ended 360 days ago could still become residence
PEOPLE: dict[str, list[dict]] = {
    "three weeks": travel(COMES, COMES + DAYS(21)),
    "a month less a day": travel(COMES, MONTH - DAYS(1)),
    "a month": travel(COMES, MONTH),
    "three months": travel(COMES, THREE_MONTHS),
    "a student of three months": travel(COMES, THREE_MONTHS, code="study"),
    "a visitor with a visa": travel(COMES, THREE_MONTHS, code="visit"),
    "enrolled meanwhile": [*travel(COMES, THREE_MONTHS), observed("student_enrolled", D(2016, 2, 1), D(2016, 4, 1))],
    "enrolled before": [*travel(COMES, THREE_MONTHS), observed("student_enrolled", D(2015, 9, 1), D(2016, 1, 31))],
    "a year less a day": travel(COMES, YEAR - DAYS(1)),
    "a year": travel(COMES, YEAR),
    "two visits that are residence together": travel(COMES, D(2016, 5, 1), D(2016, 12, 1), D(2017, 2, 15)),
    "two visits a year apart": travel(COMES, D(2016, 3, 10), D(2017, 3, 11), D(2017, 5, 1)),
    "here for a month": travel(DATA_DATE - DAYS(40)),
    "gone for a year": travel(EDGE - DAYS(6), DATA_DATE - DAYS(366)),
    "gone for less": travel(EDGE - DAYS(5), DATA_DATE - DAYS(365)),
    "an exit alone": travel(COMES, out_first=True),
    "a resident leaves": [to_stay(D(2014, 1, 1), D(2018, 1, 1)), *travel(COMES, out_first=True)],
}


@cache
def decided() -> dict[str, pl.DataFrame]:
    """Return the stays of each person; the first table of migrations is under the key `migrations`."""
    found = outcomes_of(list(PEOPLE.values()), group="non_EU", rule_set=definitions())
    return {name: one.stays.sort("definition", "start") for name, one in zip(PEOPLE, found, strict=True)} | {
        f"migrations of {name}": one.all_migrations.sort("definition", "date", "direction")
        for name, one in zip(PEOPLE, found, strict=True)
    }


def branches(name: str, definition: str) -> list[str]:
    return decided()[name].filter(definition=definition)["branch"].to_list()


@pytest.mark.parametrize(
    ("name", "by_one", "by_three"),
    [
        ("three weeks", "too_brief", "too_brief"),
        ("a month less a day", "too_brief", "too_brief"),
        ("a month", "short_enough", "too_brief"),
        ("three months", "short_enough", "short_enough"),
        ("a year less a day", "short_enough", "short_enough"),
        ("a year", "residence", "residence"),
        ("an exit alone", "too_brief", "too_brief"),
        ("a resident leaves", "residence", "residence"),
        ("gone for a year", "short_enough", "too_brief"),
        ("gone for less", "may_return", "too_brief"),
        ("here for a month", "may_go_on", "may_go_on"),
    ],
)
def test_a_short_term_stay_lasts_for_calendar_months(name: str, by_one: str, by_three: str) -> None:
    assert branches(name, ONE) == [by_one]
    assert branches(name, THREE) == [by_three]


def test_visits_that_make_residence_together_are_none() -> None:
    """31 January 2016 to 15 February 2017 are 381 days; with a year between the visits, each is one of its own."""
    assert branches("two visits that are residence together", ONE) == ["residence", "residence"]
    assert branches("two visits a year apart", ONE) == ["short_enough", "short_enough"]


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("three months", "another_reason"),
        ("a student of three months", "short_enough"),
        ("a visitor with a visa", "another_reason"),
        ("enrolled meanwhile", "short_enough"),
        ("enrolled before", "another_reason"),
        ("a month", "too_brief"),
    ],
)
def test_by_the_united_nations_only_work_and_study_are_reasons(name: str, branch: str) -> None:
    assert branches(name, UN) == [branch]


def test_a_short_term_stay_is_a_migration_at_its_start_and_at_its_end() -> None:
    columns = ["direction", "date", "status", "probability", "days_over_threshold", "provisional"]
    found = decided()["migrations of a month"].filter(definition=ONE).select(columns).rows()
    assert found == [
        ("immigration", COMES, "certain", 1.0, 1, False),
        ("emigration", MONTH, "certain", 1.0, 1, False),
    ]
    for name in ("three weeks", "a year", "a resident leaves"):
        assert decided()[f"migrations of {name}"].filter(definition=ONE).is_empty()
    open_one = decided()["migrations of here for a month"].filter(definition=ONE)
    assert open_one.select("direction", "status", "provisional").rows() == [("immigration", "probable", True)]
    # the one case that was as recent a year before, of "gone for a year", has become a short-term stay
    may_return = decided()["migrations of gone for less"].filter(definition=ONE)
    assert may_return.select("direction", "status", "probability").rows() == [
        ("immigration", "probable", 1.0),
        ("emigration", "probable", 1.0),
    ]


def test_definitions_stand_side_by_side_and_only_the_published_one_is_counted() -> None:
    names = {one.id for one in definitions().people.stays}
    assert {ONE, THREE, UN, "circular", "first_to_last", "by_group"} <= names
    migrations = decided()["migrations of a year less a day"]
    assert migrations.filter(definition=ONE).height == 2
    assert migrations.filter(definition="long_term").is_empty()
    assert migrations.select("person_id", "definition", "date", "direction").is_unique().all()


@pytest.mark.parametrize("definition", [ONE, THREE, UN, "circular"])
def test_a_study_cannot_publish_what_counts_no_change_of_residence(definition: str, tmp_path) -> None:
    study = Study.model_construct(path=tmp_path / "study.toml", definition=definition)
    with pytest.raises(UserError, match=r"study\.toml, key 'definition': .* no population follows"):
        person_rules_of(definitions(), study)


HOME, AGAIN = D(2011, 1, 1), D(2012, 6, 1)
CHAINS: dict[str, list[dict]] = {
    # comes, goes for 17 months, comes back for 19, leaves: four changes of residence
    "circular": travel(D(2009, 1, 1), HOME, AGAIN, D(2014, 1, 1)),
    "two changes": travel(D(2009, 1, 1), HOME),
    # a change of visa with two months between, and no journey; home for Christmas
    "change of visa": [
        to_stay(D(2015, 9, 1), D(2016, 9, 1)),
        to_stay(D(2016, 11, 1), D(2018, 11, 1), "work"),
        *travel(D(2015, 9, 20), D(2015, 12, 20), D(2016, 1, 10), D(2018, 6, 1)),
    ],
    "comes back as a visitor": [
        to_stay(D(2015, 9, 1), D(2017, 1, 1)),
        evidence("permission_to_visit", D(2017, 1, 1), D(2019, 1, 1), "visit"),
        *travel(D(2015, 9, 20), D(2016, 12, 30), D(2017, 1, 10), D(2017, 6, 1)),
    ],
    "settled before": [to_stay(D(2012, 5, 1), None, "settlement"), *travel(D(2016, 3, 1), out_first=True)],
    "not seen to leave": [to_stay(D(2015, 9, 1), D(2017, 1, 1)), *travel(D(2015, 9, 20))],
    "nothing but a visa": [to_stay(D(2015, 9, 1), D(2017, 1, 1))],
    "no visa": travel(COMES, D(2018, 1, 1)),
    "dies here": [to_stay(D(2015, 9, 1), D(2019, 1, 1)), *travel(D(2015, 9, 20))],
}


@cache
def chained() -> dict[str, list[tuple]]:
    people = list(CHAINS.values())
    found = [
        *outcomes_of(people[:-1], group="non_EU", rule_set=definitions()),
        *outcomes_of(people[-1:], group="non_EU", rule_set=definitions(), died=D(2017, 3, 1)),
    ]
    columns = ["start", "end", "status", "branch", "end_reason", "start_rule", "end_rule"]
    return {
        f"{definition}, {name}": one.stays.filter(definition=definition).sort("start").select(columns).rows()
        for definition in ("first_to_last", "circular")
        for name, one in zip(CHAINS, found, strict=True)
    } | {
        f"migrations by {definition}, {name}": one.all_migrations.filter(definition=definition)
        .sort("date").select("date", "direction", "status").rows()
        for definition in ("first_to_last", "circular")
        for name, one in zip(CHAINS, found, strict=True)
    }  # fmt: skip


def test_the_third_change_of_residence_within_ten_years_is_circular() -> None:
    assert [row[2] for row in chained()["circular, circular"]] == ["resident", "circular"]
    assert chained()["migrations by circular, circular"] == [
        (AGAIN, "immigration", "certain"),
        (D(2014, 1, 1), "emigration", "certain"),
    ]
    assert chained()["migrations by circular, two changes"] == []


def test_a_change_of_visa_without_travel_neither_makes_nor_hides_a_migration() -> None:
    came, left = D(2015, 9, 20), D(2018, 6, 1)
    (stay,) = chained()["first_to_last, change of visa"]
    assert stay == (came, left, "long_term", "long_enough", "departure", "border_in", "border_out")
    assert chained()["migrations by first_to_last, change of visa"] == [
        (came, "immigration", "certain"),
        (left, "emigration", "certain"),
    ]


def test_visits_are_apart() -> None:
    (stay,) = chained()["first_to_last, comes back as a visitor"]
    assert stay[:3] == (D(2015, 9, 20), D(2016, 12, 30), "long_term")


@pytest.mark.parametrize(
    ("name", "stay"),
    [
        ("settled before", (D(2012, 5, 1), D(2016, 3, 1), "long_term", "present_before", "departure")),
        ("not seen to leave", (D(2015, 9, 20), D(2016, 12, 31), "long_term", "long_enough", "permission_end")),
        ("nothing but a visa", (D(2015, 9, 1), D(2016, 12, 31), "long_term", "long_enough", "permission_end")),
        ("dies here", (D(2015, 9, 20), D(2017, 3, 1), "long_term", "long_enough", "death")),
    ],
)
def test_the_permission_stands_for_what_the_border_did_not_see(name: str, stay: tuple) -> None:
    assert [row[:5] for row in chained()[f"first_to_last, {name}"]] == [stay]


def test_people_without_a_permission_are_measured_by_the_composite() -> None:
    (stay,) = chained()["first_to_last, no visa"]
    assert stay[:3] == (COMES, D(2018, 1, 1), "long_term")
    assert chained()["migrations by first_to_last, dies here"] == [(D(2015, 9, 20), "immigration", "certain")]
