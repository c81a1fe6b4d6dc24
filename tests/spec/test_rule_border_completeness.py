"""How complete the record of the border is: by hand, and against a walk along each person's crossings."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schemas import BorderCompleteness
from pipeline.tables import connect
from rules.border_completeness import border_completeness

SCHEMA = {
    "person_id": pl.Int64, "source": pl.String, "kind": pl.String, "date": pl.Date, "end_date": pl.Date,
    "code": pl.String,
}  # fmt: skip
DAY = date(2016, 1, 1)


def crossings(person: int, ways: str) -> list[dict]:
    """Crossings of a person ten days apart: `i` in, `o` out, a blank where nothing was recorded."""
    kinds = {"i": "arrival", "o": "departure"}
    return [
        {"person_id": person, "source": "exit_checks", "kind": kinds[way], "date": DAY + timedelta(days=10 * at),
         "end_date": None, "code": None}
        for at, way in enumerate(ways) if way in kinds
    ]  # fmt: skip


def permission(person: int, begins: int, ends: int | None, code: str) -> dict:
    end = None if ends is None else DAY + timedelta(days=ends)
    return {"person_id": person, "source": "exit_checks", "kind": "permission", "date": DAY + timedelta(days=begins),
            "end_date": end, "code": code}  # fmt: skip


def completeness(rows: list[dict]) -> dict[tuple[str, str], dict]:
    connection = connect(1)
    connection.register("person_evidence", pl.DataFrame(rows, schema=SCHEMA))
    found = border_completeness(connection)
    checked = BorderCompleteness.validate(found.select(BorderCompleteness.column_names()), cast=True)
    return {(row["crossing"], row["route"]): row for row in checked.to_dicts()}


@pytest.mark.parametrize(
    ("ways", "departures", "arrivals"),
    [
        ("ioi", (1, 1), None),  # came back, and the departure is known
        ("i i", (0, 1), None),  # came back, and nobody saw the departure
        ("oio", None, (1, 1)),
        ("o o", None, (0, 1)),
        ("io", None, None),  # whoever never came back need not be seen to leave
        ("oi", None, None),  # nor whoever was here before the record begins
        ("i iooi", (1, 2), (0, 1)),
    ],
)
def test_a_crossing_must_have_happened_if_the_person_crossed_again(ways, departures, arrivals):
    found = completeness([*crossings(1, ways), *crossings(2, "o")])
    expected = {"departure": departures, "arrival": arrivals}
    for crossing, counts in expected.items():
        row = found.get((crossing, "all"))
        assert (row and (row["recorded"], row["crossings"])) == counts


def test_the_route_is_the_permission_in_force_when_the_person_must_have_left():
    """In on day 0 as a student, seen again on day 20 as a worker: it is the student's departure that is missing."""
    rows = [*crossings(1, "i i"), permission(1, -5, 15, "study"), permission(1, 15, None, "work"),
            *crossings(2, "ioi"), permission(2, -50, -20, "study")]  # fmt: skip
    found = completeness(rows)
    assert {route: row["completeness"] for (_, route), row in found.items()} == {"study": 0, "none": 1, "all": 0.5}


def test_limits_are_those_of_wilson_for_the_number_of_people():
    """9 of 10 crossings of 10 people: (.9 + .19208 -+ 1.96 sqrt(.009 + .009604)) / 1.38416."""
    rows = [row for person in range(9) for row in crossings(person, "ioi")] + crossings(9, "i i")
    row = completeness(rows)["departure", "all"]
    assert (row["lower"], row["upper"]) == pytest.approx((0.595827, 0.982142), abs=1e-4)
    twice = [row for person in range(9) for row in crossings(person, "ioioi")] + crossings(9, "i i i")
    assert completeness(twice)["departure", "all"]["lower"] == row["lower"]  # more crossings of the same people


def test_crossings_of_one_day_cancel_out_and_other_sources_are_no_border():
    rows = crossings(1, "io i")
    rows += [rows[0] | {"kind": "departure"}]  # in and out on the first day
    assert completeness(rows) == {}
    assert completeness([one | {"source": "mws", "kind": "arrival"} for one in crossings(1, "iii")]) == {}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("io ", min_size=1, max_size=9), min_size=1, max_size=5))
def test_it_is_what_a_walk_along_the_crossings_finds(histories):
    rows = [row for person, ways in enumerate(histories) for row in crossings(person, ways)]
    expected = {"departure": [0, 0], "arrival": [0, 0]}
    for ways in histories:
        seen = ways.replace(" ", "")
        for at in range(1, len(seen)):
            missing, own = ("departure", "i") if seen[at] == "i" else ("arrival", "o")
            if own in seen[:at]:
                expected[missing][1] += 1
                expected[missing][0] += seen[at - 1] != own
    found = completeness(rows)
    for crossing, (recorded, number) in expected.items():
        row = found.get((crossing, "all"), {"recorded": 0, "crossings": 0})
        if "o" in "".join(histories):  # a source without departures is no record of the border
            assert (row["recorded"], row["crossings"]) == (recorded, number)
        else:
            assert row["crossings"] == 0
