"""The expression language of rules: what it means, and its messages when a rule is wrong."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.tables import connect, query
from rules.language.compiler import ColumnType, compile_expression
from rules.sql_text import quoted

COLUMNS = {
    "name": ColumnType("text"),
    "route": ColumnType("text", frozenset({"air", "rail", "sea"})),
    "weeks": ColumnType("number"),
    "arrival": ColumnType("date"),
    "end": ColumnType("date"),
    "flag_4": ColumnType("boolean"),
}
LISTS = {"by_land": ("rail",), "countries": ("FR", "DE"), "few": (1, 2, 3), "days": (dt.date(2016, 2, 29),)}
ROW = {
    "name": "'O''Brien'", "route": "'rail'", "weeks": "26", "arrival": "DATE '2016-02-29'",
    "end": "CAST(NULL AS DATE)", "flag_4": "true",
}  # fmt: skip


def value_of(text: str, wanted: str = "boolean") -> object:
    sql = compile_expression(text, COLUMNS, LISTS, "set.toml, evidence rule 'r'", wanted)  # ty: ignore[invalid-argument-type]
    columns = ", ".join(f"{value} AS {name}" for name, value in ROW.items())
    return query(connect(1), f'SELECT {sql} AS "value" FROM (SELECT {columns})')["value"][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("route = 'rail'", True),
        ("route != 'rail'", False),
        ("name = 'O''Brien'", True),
        ("weeks >= 26 and weeks < 26.5", True),
        ("arrival = 2016-02-29", True),
        ("arrival + 1 year = 2017-02-28", True),
        ("arrival - 2 months > 2015-12-28 and arrival + 1 day = 2016-03-01", True),
        ("route in $by_land", True),
        ("route not in ('air', 'sea')", True),
        ("arrival in $days", True),
        ("weeks in $few", False),
        ("end is null and not (arrival is null)", True),
        ("flag_4", True),
        ("flag_4 = false", False),
        ("not flag_4 or route = 'rail' and weeks = 26", True),
        ("(not flag_4 or route = 'rail') and weeks = 25", False),
        ("not flag_4 = false", True),
        ("earliest(arrival, end, 2016-01-01) = 2016-01-01", True),
        ("latest(arrival, end) = arrival", True),
        ("first_given(end, arrival) = arrival", True),
        # a comparison with an empty value is neither true nor false
        ("end > 2000-01-01", None),
        ("not end > 2000-01-01", None),
    ],
)
def test_meaning(text: str, expected: bool | None) -> None:
    assert value_of(text) is expected


def test_and_binds_closer_than_or() -> None:
    assert value_of("true or true and false") is True
    assert value_of("(true or true) and false") is False


def test_dates_are_days_after_a_shift() -> None:
    assert value_of("arrival + 1 week", "date") == dt.date(2016, 3, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rout = 'rail'", "unknown column 'rout'. Did you mean 'route'?"),
        ("route = 'rali'", "unknown code 'rali'. Did you mean 'rail'?"),
        ("'rali' = route", "unknown code 'rali'"),
        ("route in ('air', 'see')", "unknown code 'see'. Did you mean 'sea'?"),
        ("route in $by_lan", "unknown list 'by_lan'. Did you mean 'by_land'?"),
        ("route in $countries", "no code of the list $countries can occur in this column"),
        ("name = 2016-01-01", "a text cannot be compared with a date at character 8"),
        ("arrival = '2016-01-01'", "a date cannot be compared with a text"),
        ("name in $few", "a text is looked for in a list of numbers"),
        ("weeks and flag_4", "'and' joins conditions, found a number at character 1"),
        ("not weeks", "'not' joins conditions, found a number"),
        ("weeks + 1 day > 3", "only a date can be shifted, found a number"),
        ("arrival + 1 > 2016-01-01", "expected a whole number of days, weeks, months or years"),
        ("arrival + 1.5 days > 2016-01-01", "expected a whole number of days"),
        ("arrival = 2015-02-29", "'2015-02-29' is not a day of the calendar"),
        ("latest(arrival, weeks) = arrival", "'latest' takes values of one type, found date and number"),
        ("route = 'rail' weeks", "expected the end, 'and' or 'or', found weeks at character 16"),
        ("route =", "expected a value, found the end"),
        ("(flag_4", "expected ')', found the end"),
        ("end is nul", "expected 'null', found nul"),
        ("route ~ 'x'", "cannot read '~ 'x'' at character 7"),
        ("name = 'open", "cannot read ''open'"),
        ("weeks", "'weeks' is a number, but a boolean is needed here"),
        ("", "expected a value, found the end"),
    ],
)
def test_a_mistake_is_reported_with_its_position(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        value_of(text)
    assert str(error.value).startswith("set.toml, evidence rule 'r'")
    assert message in str(error.value)


def test_endless_nesting_is_reported() -> None:
    with pytest.raises(UserError, match="nested too deeply"):
        value_of("(" * 1_000)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00")))
def test_no_text_leaves_its_quotes(text: str) -> None:
    assert query(connect(1), f"SELECT {quoted(text)} AS answer")["answer"][0] == text


WORDS = [
    *COLUMNS, *(f"${name}" for name in LISTS), "not", "in", "is", "null", "and", "or", "true", "=", "<", ">=", "!=",
    "(", ")", "+", "-", "26", "1.5", "'rail'", "1 day", ",", "latest",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join) | st.text(max_size=40))
@example("flag_4 and weeks >= 26")
@example("end is null or not flag_4")
def test_any_text_is_a_boolean_expression_or_a_reported_mistake(text: str) -> None:
    try:
        sql = compile_expression(text, COLUMNS, LISTS, "here", "boolean")
    except UserError:
        return
    columns = ", ".join(f"{value} AS {name}" for name, value in ROW.items())
    assert query(connect(1), f"SELECT {sql} AS answer FROM (SELECT {columns})").schema == {"answer": pl.Boolean}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not " * 300 + "flag_4", "nested too deeply"),
        ("latest(" * 200 + "arrival" + ")" * 200 + " = arrival", "nested too deeply"),
        (" or ".join(["flag_4"] * 5000), "Split it"),
        ("arrival" + " + 1 day" * 200 + " > arrival", "too often or too far"),
        ("arrival + 99999999999999999999 days > arrival", "too often or too far"),
        ("arrival + 9000 years > arrival", "too often or too far"),
        ("weeks > " + "9" * 400, "too many digits"),
    ],
)
def test_expressions_beyond_the_limits_of_the_database_are_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        value_of(text)
