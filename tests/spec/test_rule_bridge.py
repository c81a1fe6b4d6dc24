"""The bridge between definitions: people whom only one of them counts, by hand."""

import datetime as dt

import polars as pl
from rule_timelines import default_rules

from pipeline.tables import connect
from rules.bridge import bridge_table

D = dt.date
OPEN = D(9999, 12, 31)
SCHEMA = {
    "person_id": pl.Int64, "definition": pl.String, "start": pl.Date, "stop": pl.Date, "start_kind": pl.String,
    "probability": pl.Float64, "left_for_good": pl.Float64,
}  # fmt: skip


def stay(
    person: int, definition: str, start: dt.date, stop: dt.date = OPEN, *, p: float = 1.0, left: float = 0.0
) -> tuple:
    return person, definition, start, stop, "arrival", p, left


def bridge(*stays: tuple) -> dict[tuple[str, str, int], tuple[float, float, float]]:
    """Return people by both, by the published alone and by the other alone, by other, measure and year."""
    connection = connect(1)
    connection.register("stay", pl.DataFrame(stays, schema=SCHEMA, orient="row"))
    found = bridge_table(connection, default_rules().people, (2016, 2017))
    return {
        (row["other"], row["measure"], row["period"].year): (
            row["both"],
            row["only_definition"],
            row["only_other"],
        )
        for row in found.filter(definition="long_term").iter_rows(named=True)
    }


def test_people_move_one_way_or_the_other() -> None:
    """One came by both, in different months of a year; one by the published alone; two by the other alone."""
    found = bridge(
        stay(1, "long_term", D(2016, 7, 1)),
        stay(1, "weeks_of_activity", D(2017, 6, 30)),
        stay(2, "long_term", D(2016, 8, 1)),
        stay(3, "weeks_of_activity", D(2016, 9, 1)),
        stay(4, "weeks_of_activity", D(2016, 10, 1)),
    )
    assert found["weeks_of_activity", "immigration", 2017] == (1, 1, 2)
    assert found["weeks_of_activity", "population", 2017] == (1, 1, 2)
    assert ("long_term", "immigration", 2017) not in found, "the published definition is not compared with itself"


def test_another_year_is_another_immigration() -> None:
    found = bridge(stay(1, "long_term", D(2016, 6, 30)), stay(1, "registration", D(2016, 7, 1)))
    assert found["registration", "immigration", 2016] == (0, 1, 0)
    assert found["registration", "immigration", 2017] == (0, 0, 1)
    assert found["registration", "population", 2016] == (0, 1, 0), "on 30 June only the one had come"
    assert found["registration", "population", 2017] == (1, 0, 0)


def test_probabilities_are_shared_as_far_as_both_go() -> None:
    """0.7 and 0.4 have 0.4 in common; the departure is certain by the one, and 0.25 by the other."""
    found = bridge(
        stay(1, "long_term", D(2016, 1, 1), D(2017, 1, 1), p=0.7, left=1.0),
        stay(1, "registration", D(2016, 1, 1), D(2017, 2, 1), p=0.4, left=0.25),
    )
    assert found["registration", "immigration", 2016] == (0.4, 0.3, 0)
    assert found["registration", "emigration", 2017] == (0.25, 0.75, 0)
    assert ("registration", "population", 2017) not in found, "by both, the stay had ended"


def test_any_two_definitions_are_compared_once() -> None:
    """The one counts two people, the other one of them, the published definition nobody that year."""
    connection = connect(1)
    rows = [
        stay(1, "weeks_of_activity", D(2016, 9, 1)),
        stay(1, "registration", D(2016, 9, 1)),
        stay(2, "registration", D(2016, 9, 1)),
        stay(3, "long_term", D(2012, 1, 1), D(2013, 1, 1)),
    ]
    connection.register("stay", pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    found = bridge_table(connection, default_rules().people, (2017,)).filter(measure="immigration")
    columns = ["definition", "other", "both", "only_definition", "only_other"]
    assert sorted(found.select(columns).rows()) == [
        ("long_term", "registration", 0, 0, 2),
        ("long_term", "weeks_of_activity", 0, 0, 1),
        ("registration", "weeks_of_activity", 1, 1, 0),
    ]


def test_one_definition_alone_has_no_bridge() -> None:
    for rows in ([], [stay(1, "long_term", D(2016, 7, 1))]):
        connection = connect(1)
        connection.register("stay", pl.DataFrame(rows, schema=SCHEMA, orient="row"))
        assert bridge_table(connection, default_rules().people, (2017,)).is_empty()
