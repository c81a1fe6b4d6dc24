# ruff: noqa: E501 (one mistake a line reads best)
"""The set `definitions_2019`: one person under several definitions of migration, by the same crossings."""

import datetime as dt
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from rule_timelines import DATA_DATE, observed, outcome_of, outcomes_of, tax_year

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from pipeline.study import Study
from rules.model import RuleSet
from rules.parameters import with_values
from rules.rule_file import SETS
from rules.rule_set import person_rules_of, read_rules

D = dt.date
WINDOW, NINE, CONTINUOUS = "days_in_window_12_16", "days_in_window_9_12", "continuous_12"


@cache
def definitions() -> RuleSet:
    return read_rules(SETS / "definitions_2019.toml", read_contracts())


def published_by(definition: str) -> RuleSet:
    rules = definitions()
    return rules.model_copy(update={"people": rules.people.model_copy(update={"published": definition})})


def travel(*days: dt.date, out_first: bool = False) -> list[dict]:
    """Crossings, in and out in turn."""
    return [observed(("border_in", "border_out")[(number + out_first) % 2], on) for number, on in enumerate(days)]


def permitted(start: dt.date, end: dt.date) -> dict:
    return observed("permission_to_stay", start, end, code="study")


def stays(evidence: list[dict], definition: str, **given: object) -> list[tuple]:
    found = outcome_of(evidence, group="non_EU", rule_set=definitions(), **given).stays
    return (
        found.filter(definition=definition)
        .sort("start")
        .select("start", "end", "status", "branch", "end_reason", "days", "absent_days")
        .rows()
    )


def statuses(evidence: list[dict], definition: str, **given: object) -> list[str]:
    return [row[2] for row in stays(evidence, definition, **given)]


def migrations(evidence: list[dict], definition: str, **given: object) -> list[str]:
    return outcome_of(evidence, group="non_EU", rule_set=published_by(definition), **given).migrations


COMES, SUMMER, BACK, LEAVES = D(2015, 9, 20), D(2016, 6, 15), D(2016, 9, 20), D(2017, 6, 12)
FIRST_CHRISTMAS, SECOND_CHRISTMAS = (D(2015, 12, 20), D(2016, 1, 10)), (D(2016, 12, 20), D(2017, 1, 10))
VISA = permitted(COMES, D(2017, 10, 1))
STUDENT = [VISA, *travel(COMES, *FIRST_CHRISTMAS, SUMMER, BACK, *SECOND_CHRISTMAS, LEAVES)]
ONE_CHRISTMAS = [VISA, *travel(COMES, *FIRST_CHRISTMAS, SUMMER, BACK, LEAVES)]


def test_a_student_who_goes_home_in_the_holidays_is_a_migrant_by_first_arrival_and_last_departure() -> None:
    assert stays(STUDENT, "first_arrival_last_departure")[0][:3] == (COMES, LEAVES, "long_term")
    assert migrations(STUDENT, "long_term") == ["immigration 2015-09 certain", "emigration 2017-06 certain"]
    assert set(statuses(STUDENT, CONTINUOUS)) == {"short_term"}
    assert migrations(STUDENT, CONTINUOUS) == []


def test_the_window_after_the_students_first_arrival_has_139_days_away() -> None:
    away = 21 + 97 + 21
    assert stays(STUDENT, WINDOW)[0] == (
        COMES, FIRST_CHRISTMAS[0], "short_term", "too_short", "departure", 487 - away, away,
    )  # fmt: skip


def test_every_arrival_has_a_window_and_the_return_from_the_first_christmas_may_be_the_migration() -> None:
    # from 10 Jan 2016 the window ends on 11 May 2017, with 97 + 21 days away; who leaves ten days before that has 128
    assert migrations(STUDENT, WINDOW) == ["immigration 2016-01 certain", "emigration 2017-06 certain"]
    leaves_in_may = [*STUDENT[:-1], observed("border_out", D(2017, 5, 1))]
    for definition in (WINDOW, NINE, CONTINUOUS):
        assert set(statuses(leaves_in_may, definition)) == {"short_term"}
    assert migrations(leaves_in_may, WINDOW) == []
    assert migrations(leaves_in_may, "long_term") == ["immigration 2015-09 certain", "emigration 2017-05 certain"]


def test_without_the_second_christmas_trip_the_student_is_a_migrant_by_the_window_too() -> None:
    assert stays(ONE_CHRISTMAS, WINDOW) == [
        (COMES, LEAVES, "long_term", "long_enough", "departure", 487 - (21 + 97), 487)
    ]
    assert migrations(ONE_CHRISTMAS, WINDOW) == ["immigration 2015-09 certain", "emigration 2017-06 certain"]
    for definition in (NINE, CONTINUOUS):
        assert migrations(ONE_CHRISTMAS, definition) == []


def test_the_reason_is_that_of_the_permission_in_force_at_the_arrival() -> None:
    worker = observed("permission_to_stay", D(2018, 1, 1), D(2019, 1, 1), code="work")
    for evidence, reason in (([*ONE_CHRISTMAS, worker], "study"), (travel(COMES), None)):
        found = outcome_of(evidence, rule_set=published_by(WINDOW)).migration_rows
        assert found.filter(direction="immigration")["reason"].to_list() == [reason]
    expired = [permitted(D(2014, 1, 1), COMES), *travel(D(2014, 1, 1), D(2014, 2, 1), COMES)]
    assert outcome_of(expired, rule_set=published_by(WINDOW)).migration_rows["reason"].to_list() == [None]


def test_nine_of_twelve_months_can_be_had_in_one_academic_year() -> None:
    # 20 Sep 2015 to 20 Jun 2016 are 274 days
    year = [VISA, *travel(COMES, D(2016, 6, 20))]
    day_less = [VISA, *travel(COMES, D(2016, 6, 19))]
    assert statuses(year, NINE) == ["long_term"]
    assert statuses(day_less, NINE) == ["short_term"]
    assert statuses(year, WINDOW) == ["short_term"]


def test_twelve_calendar_months_without_a_trip_are_a_continuous_stay() -> None:
    assert stays(travel(COMES, D(2016, 9, 20)), CONTINUOUS) == [
        (COMES, D(2016, 9, 20), "long_term", "long_enough", "departure", 366, (DATA_DATE - D(2016, 9, 20)).days)
    ]
    assert statuses(travel(COMES, D(2016, 9, 19)), CONTINUOUS) == ["short_term"]


def test_a_trip_after_residence_has_begun_does_not_end_it() -> None:
    came, gone = D(2014, 1, 10), D(2018, 5, 1)
    evidence = travel(came, D(2015, 6, 1), D(2015, 9, 1), gone)
    assert [row[:3] for row in stays(evidence, CONTINUOUS)] == [(came, gone, "long_term")]
    assert [row[:3] for row in stays(evidence, WINDOW)] == [(came, gone, "long_term")]


def test_what_is_too_recent_is_unfinished() -> None:
    came = DATA_DATE - dt.timedelta(200)
    assert stays(travel(came), WINDOW) == [(came, None, "unfinished", "may_go_on", "open", 200, None)]
    assert stays(travel(came), CONTINUOUS) == [(came, None, "unfinished", "may_go_on", "open", 200, None)]
    assert migrations(travel(came), WINDOW) == [f"immigration {came:%Y-%m} probable"]
    # left for 100 days of the last 200: 22 more can be spent away
    left = came + dt.timedelta(100)
    assert stays(travel(came, left), WINDOW)[0][:4] == (came, left, "unfinished", "may_return")
    # 123 days away are too many
    left = came + dt.timedelta(77)
    assert stays(travel(came, left), WINDOW)[0][:4] == (came, left, "short_term", "too_short")


@pytest.mark.parametrize(("days", "provisional"), [(486, True), (487, False)])
def test_a_migration_is_provisional_until_the_whole_window_is_observed(days: int, provisional: bool) -> None:
    came = DATA_DATE - dt.timedelta(days)
    found = outcome_of(travel(came), rule_set=published_by(WINDOW)).migration_rows
    assert found.select("status", "provisional").rows() == [("certain", provisional)]


def test_a_departure_too_recent_to_be_final_is_probable() -> None:
    came, left = D(2016, 1, 1), DATA_DATE - dt.timedelta(60)
    assert stays(travel(came, left), WINDOW) == [(came, left, "long_term", "long_enough", "departure", 487, 60)]
    assert migrations(travel(came, left), WINDOW) == ["immigration 2016-01 certain", "emigration 2019-11 probable"]


def test_a_permission_long_before_the_first_crossing_shows_a_resident() -> None:
    first = D(2015, 6, 1)
    for days, expected in ((364, ["short_term"]), (365, ["long_term"])):
        evidence = [permitted(first - dt.timedelta(days), D(2017, 1, 1)), *travel(first, out_first=True)]
        assert statuses(evidence, WINDOW) == expected
    assert stays(evidence, WINDOW)[0][:4] == (D(2014, 6, 1), first, "long_term", "present_before")
    assert migrations(evidence, WINDOW) == ["emigration 2015-06 certain"]  # no immigration: nobody saw the arrival
    later = with_values(definitions(), {"resident_before": 366})
    assert outcome_of(evidence, rule_set=later).stays.filter(definition=WINDOW)["status"].to_list() == ["short_term"]


def test_a_death_ends_residence_without_emigration() -> None:
    came, died = D(2015, 1, 1), D(2017, 3, 1)
    assert stays(travel(came), WINDOW, died=died)[0][1:5] == (died, "long_term", "long_enough", "death")
    assert migrations(travel(came), WINDOW, died=died) == ["immigration 2015-01 certain"]
    # on a journey that had not yet lasted for 365 days
    away = travel(came, D(2016, 12, 1))
    assert stays(away, WINDOW, died=died)[0][1:5] == (died, "long_term", "long_enough", "death")
    assert migrations(away, WINDOW, died=died) == ["immigration 2015-01 certain"]
    # in the first year
    for definition in (WINDOW, CONTINUOUS):
        assert stays(travel(died - dt.timedelta(50)), definition, died=died)[0][1:5] == (
            died, "short_term", "died_before", "death",
        )  # fmt: skip
    soon = DATA_DATE - dt.timedelta(30)  # too recent to tell, had the person lived
    assert statuses(travel(soon - dt.timedelta(50)), WINDOW, died=soon) == ["short_term"]


def test_people_without_a_crossing_are_measured_by_the_composite_where_the_rule_says_so() -> None:
    worker = [
        observed("worker_arrived", D(2014, 5, 1), code="work"),
        *(tax_year(year, 52) for year in range(2014, 2017)),
    ]
    (found, traveller) = outcomes_of([worker, travel(COMES, D(2017, 1, 1))], rule_set=published_by(WINDOW))
    by = {
        name: found.stays.filter(definition=name).drop("definition")
        for name in ("long_term", WINDOW, NINE, CONTINUOUS)
    }
    for name in (WINDOW, NINE, CONTINUOUS):
        assert by[name].equals(by["long_term"])
    assert by[WINDOW]["stay_rule"].to_list() == ["weeks_of_activity"]
    assert found.migrations == ["immigration 2014-05 certain", "emigration 2017-04 certain"]
    assert traveller.stays.filter(definition=WINDOW)["stay_rule"].to_list() == [WINDOW]


@pytest.mark.parametrize("definition", [WINDOW, NINE, CONTINUOUS, "first_to_last"])
def test_a_definition_that_measures_travellers_alone_is_not_published(definition: str) -> None:
    """Without `others_by` nobody without a record of the border migrates: British flows would be 0, and final."""
    study = Study.model_construct(path=Path("study.toml"), definition=definition)
    rules = definitions()
    assert person_rules_of(rules, study).published == definition
    stay = tuple(
        one.model_copy(update={"others_by": None}) if one.id == definition else one for one in rules.people.stays
    )
    alone = rules.model_copy(update={"people": rules.people.model_copy(update={"stays": stay})})
    with pytest.raises(UserError, match="measures nobody without a record of the border"):
        person_rules_of(alone, study)


def test_crossings_of_one_day_cancel_out() -> None:
    evidence = [*travel(COMES, D(2018, 1, 1)), *travel(D(2016, 3, 3), D(2016, 3, 3), out_first=True)]
    assert statuses(evidence, CONTINUOUS) == ["long_term"]


def test_the_other_definitions_change_nothing_in_that_of_the_default_set() -> None:
    people = [STUDENT, ONE_CHRISTMAS, travel(COMES), [tax_year(2015, 52)]]
    for ours, theirs in zip(outcomes_of(people, rule_set=definitions()), outcomes_of(people), strict=True):
        known = theirs.stays["definition"].unique().implode()
        assert ours.stays.filter(pl.col("definition").is_in(known)).equals(theirs.stays)
        assert ours.migration_rows.equals(theirs.migration_rows)
        assert ours.all_residents.equals(theirs.all_residents)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[definition.group]]\nid = "others"\nstay = "continuous_12"', "group rule 'others': the stay rule 'continuous_12' looks at crossings alone"),
        ('[[stay]]\nid = "continuous_12"\nothers_by = "long_terms"', "key 'others_by': unknown definition 'long_terms'. Did you mean 'long_term'?"),
        ('[[stay]]\nid = "continuous_12"\n[stay.parameters.months]\nlater = { 2020-01-01 = 6 }', "the parameter 'months' has 'later' values"),
        ('[[stay]]\nid = "days_in_window_9_12"\n[stay.parameters.threshold_days]\nrange = [183, 360]', "above the shortest window, 330"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_where_it_is_written(tmp_path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "definitions_2019"\n{text}\n')
    with pytest.raises(UserError) as error:
        read_rules(file, read_contracts())
    assert str(file) in str(error.value)
    assert message in str(error.value)
