"""The family of residence rules `hidden_state` of the set `hidden_state_2019`: measured, or refused and said so."""

import datetime as dt
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from rule_timelines import DATA_DATE, observed

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from pipeline.tables import connect, make_table, query
from rules.families.hidden_state import HiddenState
from rules.hidden_state.drawn_lives import draw, workers_students_and_quiet_people
from rules.hidden_state.person_years import person_years
from rules.lint import findings
from rules.model import RuleSet
from rules.parameters import with_values
from rules.rule_file import SETS
from rules.rule_set import read_rules
from rules.timelines import TimelinePerson, decide

YEARS = range(2010, 2020)
FIVE = ("listed", "worked_or_claimed", "studied", "registered_with_nhs", "crossed_the_border")
"""Signs in the order of those of `hidden_lives`."""


@cache
def shipped() -> RuleSet:
    return read_rules(SETS / "hidden_state_2019.toml", read_contracts())


def family(**values: float) -> HiddenState:
    found = next(one for one in shipped().people.families if isinstance(one, HiddenState))
    five = found.model_copy(update={"signs": FIVE, "departures": ()})
    return with_values(five, {f"hidden_state.{name}": value for name, value in values.items()})


def with_signs(people: pl.DataFrame, signs: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    """A connection with what families read; `signs` has `person_id, year, sign`."""
    connection = connect(1)
    connection.register("person", people)
    given = signs.select(
        "person_id", pl.date("year", 6, 30).alias("reference_date"), "sign",
        source_family=pl.lit("a"), counts=pl.lit(value=True), before=pl.lit(value=True), after=pl.lit(value=True),
    )  # fmt: skip
    connection.register("residence_sign", given)
    make_table(connection, "reference", "SELECT make_date(2019, 6, 30) AS reference_date")
    return connection


def drawn_lives(people: int) -> tuple[duckdb.DuckDBPyConnection, np.ndarray]:
    """People of known classes, all 40 years old, with their signs; and how many were present in each year."""
    histories, present = draw(workers_students_and_quiet_people(), people, len(YEARS), seed=3)
    shown = (histories.codes[histories.row_of][:, :, None] >> np.arange(len(FIVE))) & 1
    person, year, sign = np.nonzero(shown)
    signs = pl.DataFrame(
        {"person_id": person + 1, "year": year + YEARS[0], "sign": np.array(FIVE)[sign]},
        schema={"person_id": pl.Int64, "year": pl.Int32, "sign": pl.String},
    )
    everybody = pl.DataFrame({"person_id": range(1, people + 1)}, schema={"person_id": pl.Int64}).with_columns(
        birth_month=dt.date(1975, 1, 1), death_date=pl.lit(None, pl.Date), nationality_group=pl.lit("British")
    )
    return with_signs(everybody, signs), present


def test_the_sum_of_probabilities_is_the_number_present() -> None:
    connection, present = drawn_lives(12_000)
    measured = family(people_at_least=500, false_sign_at_most=0.02, classes_at_most=4)
    assert measured.prepare(connection, [2019]) == ()
    last = query(connection, measured.candidates())
    assert last["presence"].sum() == pytest.approx(present[-1], rel=0.02)
    assert last["reference_date"].unique().to_list() == [dt.date(2019, 6, 30)]
    assert set(last["decided_by"]) == {*FIVE, "hidden_state"}
    assert set(last.filter(pl.col("decided_by") == "hidden_state")["trimming_depth"]) == {0}


def test_a_model_with_one_class_is_refused_and_says_which_sources_do_not_fit() -> None:
    connection, _ = drawn_lives(4_000)
    one_class = family(people_at_least=500, false_sign_at_most=0.02, classes_at_most=1)
    (reason,) = one_class.prepare(connection, [2019])
    assert reason.startswith("with 1 classes of people it does not reproduce how '")
    assert "misplaced" in reason
    assert query(connection, one_class.candidates()).is_empty()


def test_few_people_are_a_warning_or_if_it_is_published_a_mistake(tmp_path: Path) -> None:
    people = [TimelinePerson([observed("nhs_posted", dt.date(2015, 3, 1))])]
    decisions = decide(people, shipped(), DATA_DATE, [2016, 2017])
    assert decisions.warnings == (
        "the family of residence rules 'hidden_state' is not measured: 2 people are too few to fit it",
    )
    assert "hidden_state" not in decisions.residents["family"].unique()
    assert decisions.residents["family"].unique().to_list() == ["residency_index"]  # others are as they were
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "hidden_state_2019"\n'
        'published_family = "hidden_state"\n'
    )
    with pytest.raises(UserError, match="'hidden_state' is refused: 2 people are too few"):
        decide(people, read_rules(mine, read_contracts()), DATA_DATE, [2016, 2017])


def test_what_is_seen_of_four_people_by_hand() -> None:
    """Ages, deaths and births; a source that was not delivered in a year says nothing about anybody."""
    people = pl.DataFrame(
        {
            "person_id": [1, 2, 3, 4],
            "birth_month": [dt.date(2000, 7, 1), dt.date(1950, 6, 1), dt.date(2018, 1, 1), None],
            "death_date": [None, dt.date(2018, 3, 1), None, dt.date(2010, 1, 1)],
            "nationality_group": ["British", "EU", "British", "EU"],
        }
    )
    signs = pl.DataFrame(
        [(1, 2017, "listed"), (1, 2019, "listed"), (2, 2017, "listed"), (3, 2019, "listed"), (1, 2018, "studied")],
        schema={"person_id": pl.Int64, "year": pl.Int32, "sign": pl.String},
        orient="row",
    )
    found = person_years(with_signs(people, signs), ("listed", "studied"), range(2017, 2020), (18, 66), 0.1)
    assert found.person_id.tolist() == [1, 2, 3]  # the fourth had died before
    assert found.alive.tolist() == [[True] * 3, [True, False, False], [False, True, True]]
    assert found.first_year.tolist() == [0, 0, 1]
    histories, symbols = found.histories, found.histories.symbols
    of = {one: histories.codes[row].tolist() for one, row in zip((1, 2, 3), histories.row_of, strict=True)}
    assert [code >= 0 for code in of[1]] == [True, True, True]
    assert [code >= 0 for code in of[2]] == [True, True, False]  # the year of the death, and nothing after it
    assert [code >= 0 for code in of[3]] == [True, True, False]  # from the first 30 June of its life
    assert [symbols.band[code] for code in of[1]] == [0, 0, 1]  # 18 on 1 July 2018
    assert symbols.band[of[2][0]] == 2
    assert [bool(symbols.died[code]) for code in of[2][:2]] == [False, True]
    assert [symbols.seen[code].tolist() for code in of[1]] == [[True, False], [False, True], [True, False]]
    assert np.asarray(symbols.shown)[of[1][1]].tolist() == [False, True]
    assert sorted(zip(histories.start, histories.group, strict=True)) == [(0, 0), (0, 8), (1, 0)]


def test_the_set_says_what_its_signs_mean_and_has_no_findings(tmp_path: Path) -> None:
    assert findings(shipped()) == []
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "hidden_state_2019"\n'
        '[[resident_family]]\nid = "hidden_state"\nlists = ["listed_without_activity"]\n'
    )
    with pytest.raises(UserError, match="'listed_without_activity' in 'lists' is not among its signs"):
        read_rules(mine, read_contracts())
