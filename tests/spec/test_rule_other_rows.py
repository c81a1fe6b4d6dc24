"""Predicates of evidence rules over the other rows of the same subject, on crossings and permissions made by hand.

The rule of every test sees the arrivals of one or two travellers, and fires on those for which its predicate holds.
"""

import datetime as dt
import random
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest.contracts import read_contracts
from pipeline.tables import connect
from rules.evidence import apply_evidence_rules
from rules.rule_set import read_rules

D = dt.date
RULE = """
id = "mine"
title = "Mine"
says = "A test."
extends = "long_term_2019"

[[evidence]]
id = "noticed"
says = "Was noticed."
source = "exit_checks"
extract = "exit_checks_travel"
kind = "arrival"
date = "event_date"
when = "direction = 'arrival' and ({when})"
source_of_rule = "A test"

[evidence.other_rows]
{other_rows}

[evidence.parameters.span]
says = "How far away other rows may be."
value = {span}
unit = "{unit}"
range = [0, 100]
source_of_value = "A test"
holds_from = 2000-01-01
later = {later}
"""
IN, OUT = "arrival", "departure"
ONE = [(1, IN, D(2016, 1, 10)), (1, OUT, D(2016, 2, 10)), (1, IN, D(2016, 3, 10)), (1, IN, D(2016, 3, 10)),
       (1, OUT, D(2016, 5, 1)), (1, IN, D(2017, 3, 10)), (2, IN, D(2016, 6, 1)), (1, IN, None)]  # fmt: skip


def noticed(
    folder: Path, when: str, other_rows: str, *, rows: list[tuple] = ONE, span: int = 30, unit: str = "days",
    later: str = "{}", visas: list[tuple] | None = None,
) -> list[tuple[int, dt.date]]:  # fmt: skip
    """Return subject and date of the arrivals on which the rule fires; a row is (subject, direction, date)."""
    path = folder / "mine.toml"
    path.write_text(RULE.format(when=when, other_rows=other_rows, span=span, unit=unit, later=later))
    rule_set = read_rules(path, read_contracts())
    connection = connect(1)
    travel = pl.DataFrame(
        [(number, *row) for number, row in enumerate(rows, 1)],
        schema={"record_id": pl.Int64, "subject_id": pl.Int64, "direction": pl.String, "event_date": pl.Date},
        orient="row",
    )
    permissions = pl.DataFrame(
        [(number, *row) for number, row in enumerate(visas or (), 1)],
        schema={"record_id": pl.Int64, "subject_id": pl.Int64, "visa_type": pl.String, "valid_from": pl.Date,
                "valid_to": pl.Date},
        orient="row",
    )  # fmt: skip
    connection.register("records_exit_checks_travel", travel)
    connection.register("records_exit_checks_visas", permissions)
    rules = [rule for rule in rule_set.evidence.rules if rule.id == "noticed"]
    found = apply_evidence_rules(connection, rules, rule_set.evidence, read_contracts())
    return sorted(found.drop_nulls("date").select("subject_id", "date").rows())


def test_first(tmp_path: Path) -> None:
    found = noticed(tmp_path, "is_first", "is_first = { first = \"direction = 'arrival'\" }")
    assert found == [(1, D(2016, 1, 10)), (2, D(2016, 6, 1))]


def test_several_rows_of_the_first_day_are_all_first(tmp_path: Path) -> None:
    rows = [(1, IN, D(2016, 3, 10)), (1, IN, D(2016, 3, 10)), (1, IN, D(2016, 3, 11))]
    found = noticed(tmp_path, "is_first", "is_first = { first = \"direction = 'arrival'\" }", rows=rows)
    assert found == [(1, D(2016, 3, 10))] * 2


def test_earlier_at_any_time_and_within_a_span(tmp_path: Path) -> None:
    left = "left = { earlier = \"direction = 'departure'\" }"
    assert noticed(tmp_path, "left", left) == [(1, D(2016, 3, 10)), (1, D(2016, 3, 10)), (1, D(2017, 3, 10))]
    near = left.replace(" }", ', within = "$span" }')
    assert noticed(tmp_path, "left", near) == [(1, D(2016, 3, 10)), (1, D(2016, 3, 10))]
    assert noticed(tmp_path, "left", near, span=29) == [(1, D(2016, 3, 10))] * 2  # 10 February to 10 March, 2016
    assert noticed(tmp_path, "left", near, span=28) == []


def test_a_predicate_that_does_not_hold_can_be_negated(tmp_path: Path) -> None:
    left = "left = { earlier = \"direction = 'departure'\" }"
    assert noticed(tmp_path, "not left", left) == [(1, D(2016, 1, 10)), (2, D(2016, 6, 1))]


def test_later_within_months_and_no_row_of_the_same_day(tmp_path: Path) -> None:
    again = 'again = { later = "direction = \'arrival\'", within = "$span" }'
    assert noticed(tmp_path, "again", again, span=2, unit="months") == [(1, D(2016, 1, 10))]
    assert noticed(tmp_path, "again", again, span=12, unit="months") == [
        (1, D(2016, 1, 10)), (1, D(2016, 3, 10)), (1, D(2016, 3, 10)),
    ]  # fmt: skip


def test_count_has_both_ends_of_its_window_and_the_row_itself(tmp_path: Path) -> None:
    count = 'arrivals = { count = "direction = \'arrival\'", before = "$span" }'
    assert noticed(tmp_path, "arrivals = 3", count, span=60) == [(1, D(2016, 3, 10))] * 2  # January, and two in March
    assert noticed(tmp_path, "arrivals = 3", count, span=59) == []
    assert noticed(tmp_path, "arrivals = 2", count, span=0) == [(1, D(2016, 3, 10))] * 2


def test_a_window_is_that_in_force_on_the_day_of_the_row(tmp_path: Path) -> None:
    """Until March 2016 departures of the last 10 days count, since then those of the last 30."""
    left = 'left = { earlier = "direction = \'departure\'", within = "$span" }'
    found = noticed(tmp_path, "left", left, span=10, later="{ 2016-03-01 = 30 }")
    assert found == [(1, D(2016, 3, 10))] * 2
    assert noticed(tmp_path, "left", left, span=10, later="{ 2016-04-01 = 30 }") == []


def test_the_permission_in_force_that_day(tmp_path: Path) -> None:
    visas = [
        (1, "study", D(2016, 1, 1), D(2016, 3, 9)),
        (1, "work", D(2016, 3, 1), None),
        (1, "visit", D(2016, 6, 1), None),
    ]
    visa = 'visa = { in_force = "permission_to_stay" }'
    assert noticed(tmp_path, "visa = 'study'", visa, visas=visas) == [(1, D(2016, 1, 10))]
    assert noticed(tmp_path, "visa = 'work'", visa, visas=visas) == [(1, D(2016, 3, 10))] * 2 + [(1, D(2017, 3, 10))]
    assert noticed(tmp_path, "visa is null", visa, visas=visas) == [(2, D(2016, 6, 1))]


@pytest.mark.parametrize("seed", range(3))
def test_predicates_are_what_obvious_loops_find(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        (rng.randrange(1, 6), rng.choice([IN, OUT]), D(2016, 1, 1) + dt.timedelta(rng.randrange(80)))
        for _ in range(60)
    ]
    span = rng.randrange(1, 15)

    def arrivals(holds) -> list[tuple[int, dt.date]]:
        return sorted((who, on) for who, way, on in rows if way == IN and holds(who, on))

    def others(who: int, way: str, low: dt.date, high: dt.date) -> int:
        return sum(1 for one in rows if one[0] == who and one[1] == way and low <= one[2] <= high)

    day, away = dt.timedelta(1), dt.timedelta(span)
    departed = "direction = 'departure'"
    for form, holds in {
        f'{{ earlier = "{departed}", within = "$span" }}': lambda who, on: others(who, OUT, on - away, on - day) > 0,
        f'{{ later = "{departed}", within = "$span" }}': lambda who, on: others(who, OUT, on + day, on + away) > 0,
        "{ first = \"direction = 'arrival'\" }": lambda who, on: others(who, IN, D.min, on - day) == 0,
    }.items():
        assert noticed(tmp_path, "it", f"it = {form}", rows=rows, span=span) == arrivals(holds)
    count = f'it = {{ count = "{departed}", before = "$span", after = "$span" }}'
    found = noticed(tmp_path, "it >= 2", count, rows=rows, span=span)
    assert found == arrivals(lambda who, on: others(who, OUT, on - away, on + away) >= 2)
