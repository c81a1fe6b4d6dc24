"""A parameter is a value with its unit, range, source and date; a value holds from its date until the next."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_timelines import default_rules, observed, outcome_of

from pipeline.errors import UserError
from pipeline.tables import connect, query
from pipeline.toml_files import parse
from rules.parameters import Parameter, parameters_in, with_values

D = dt.date


def parameter(value: float = 365, later: dict[dt.date, float] | None = None, **keys: object) -> Parameter:
    data = {
        "id": "a_rule.a_value", "says": "A value.", "value": value, "unit": "days", "range": [0, 1_000],
        "source_of_value": "A test", "holds_from": D(2010, 1, 1), "later": later or {},
    }  # fmt: skip
    return parse(Parameter, data | keys, "here")


def test_a_value_holds_from_its_date_until_the_next() -> None:
    dated = parameter(365, {D(2018, 1, 1): 182, D(2015, 1, 1): 300})
    days = [D(1990, 1, 1), D(2014, 12, 31), D(2015, 1, 1), D(2017, 12, 31), D(2018, 1, 1), D(2030, 1, 1)]
    assert [dated.on(day) for day in days] == [365, 365, 300, 300, 182, 182]


@given(
    st.dictionaries(st.dates(D(2010, 1, 2), D(2030, 1, 1)), st.integers(0, 1_000), max_size=4),
    st.lists(st.dates(D(1990, 1, 1), D(2040, 1, 1)), min_size=1, max_size=5),
)
def test_sql_gives_the_value_in_force_on_each_day(later: dict[dt.date, int], days: list[dt.date]) -> None:
    dated = parameter(365, later)  # ty: ignore[invalid-argument-type]
    connection = connect(1)
    connection.register("days", pl.DataFrame({"number": range(len(days)), "day": days}))
    found = query(connection, f'SELECT {dated.at("day")} AS "value" FROM days ORDER BY number')
    assert found["value"].to_list() == [dated.on(day) for day in days]


def test_a_single_value_is_a_plain_number_in_sql() -> None:
    assert parameter(365).at("start") == "365"
    assert parameter(12, unit="months").interval("start") == "INTERVAL (12) MONTH"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"value": 1_001}, "the value 1001 is outside its range, 0 to 1000"),
        ({"later": {D(2015, 1, 1): 1_001}}, "the value 1001 is outside its range"),
        ({"value": 3.5}, "3.5 is not a whole number of days"),
        ({"value": True}, "valid"),
        ({"value": float("nan"), "unit": "share"}, "outside its range"),
        ({"later": {D(2010, 1, 1): 3}}, "a later value holds from a day after 2010-01-01"),
        ({"range": [2, 1]}, "the range 2 to 1 is empty"),
        ({"says": " "}, "it is empty. Write a sentence"),
        ({"source_of_value": ""}, "it is empty. Write a sentence"),
        ({"unit": "fortnights"}, "days"),
    ],
)
def test_a_mistake_is_reported(keys: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        parameter(**keys)
    assert message in str(error.value)


def test_a_stay_is_judged_by_the_value_in_force_when_it_began() -> None:
    """From 2017 a stay of more than half a year is long-term: one of ten months, begun in 2016 and begun in 2017."""
    dated = parameter(365, {D(2017, 1, 1): 182})
    people = default_rules().people
    stays = tuple(one.model_copy(update={"more_than_days": dated}) for one in people.stays)
    rule_set = default_rules().model_copy(update={"people": people.model_copy(update={"stays": stays})})
    for year, expected in ((2016, ["short_term"]), (2017, ["long_term"])):
        evidence = [
            observed("permission_to_stay", D(year, 1, 5), D(year + 1, 6, 1), code="work"),
            observed("border_in", D(year, 1, 5)),
            observed("border_out", D(year, 11, 5)),
        ]
        assert outcome_of(evidence, group="non_EU", rule_set=rule_set).classes == expected


def test_all_parameters_of_a_set_are_found_by_their_ids() -> None:
    found = parameters_in(default_rules())
    assert found == default_rules().parameters
    assert {"long_term_days", "student_enrolled.academic_year", "long_term.same_arrival_days"} <= set(found)
    assert all(name == one.id for name, one in found.items())


def test_rules_with_other_values_differ_in_these_alone() -> None:
    rules = default_rules()
    values = {"long_term_days": 300, "weeks_of_activity.full_year_weeks": 44, "delivered_share": 0.2}
    changed = with_values(rules, values, "here")
    assert {name: one.value for name, one in changed.parameters.items() if one != rules.parameters[name]} == values
    assert {rule.more_than_days.value for rule in changed.people.stays} == {300}, "wherever it is used"
    assert changed.digest != rules.digest
    back = {name: rules.parameters[name].value for name in values}
    assert with_values(changed, back, "here").digest == rules.digest


def test_another_value_holds_at_all_times() -> None:
    dated = parameter(365, {D(2018, 1, 1): 182})
    assert dated.having(300).values == {D(2010, 1, 1): 300}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"long_term_day": 300}, "here: unknown parameter 'long_term_day'. Did you mean 'long_term_days'?"),
        ({"long_term_days": 5}, "here, long_term_days = 5: the value 5 is outside its range, 90 to 730."),
        ({"long_term_days": 365.5}, "here, long_term_days = 365.5: 365.5 is not a whole number of days."),
    ],
)
def test_a_value_that_a_parameter_cannot_take_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(UserError) as error:
        with_values(default_rules(), values, "here")
    assert str(error.value) == message
