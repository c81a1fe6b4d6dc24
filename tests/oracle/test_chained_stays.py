"""Stays on chains of permissions, with the evidence that dates them, against slow and obvious Python."""

import datetime as dt
from functools import cache

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.contracts import read_contracts
from rules.chained_stays import chained_stays
from rules.lengths_of_stay.first_to_last import FirstToLast
from rules.rule_file import SETS
from rules.rule_set import read_rules
from tests.oracle.test_residence_stays import NEVER, SCHEMA
from tests.oracle.test_stays_first_to_last import day_of
from tests.slow_first_to_last import slow_stays

SMALL = FirstToLast(
    more_than=40, chain_within=5, change_within=12, trip_up_to=20, return_within=25, return_more_than=15
)
KEYS = {
    "more_than_days": 40, "chain_within_days": 5, "change_within_days": 12, "trip_up_to_days": 20,
    "return_within_days": 25, "return_more_than_days": 15,
}  # fmt: skip
GIVEN = {
    "person_id": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date, "is_visit": pl.Boolean,
    "rule_id": pl.String, "record_id": pl.Int64, "code": pl.String, "death_date": pl.Date,
}  # fmt: skip


@cache
def rule():
    shipped = next(
        one
        for one in read_rules(SETS / "definitions_2019.toml", read_contracts()).people.crossings_rules
        if one.id == "first_to_last"
    )
    return shipped.model_copy(
        update={key: getattr(shipped, key).model_copy(update={"value": value}) for key, value in KEYS.items()}
    )


@st.composite
def travellers(draw):
    """Crossings on different days, permissions `(from, to, is a visit, code)`, and the day of a death after them."""
    days = sorted(draw(st.sets(st.integers(0, 250), max_size=7)))
    crossings = [(day_of(day), draw(st.booleans())) for day in days]
    starts = sorted(draw(st.sets(st.integers(0, 240), min_size=1, max_size=4)))
    permissions = [
        (day_of(start), day_of(start + draw(st.integers(0, 90))), draw(st.integers(0, 3)) == 0,
         draw(st.sampled_from(["study", "extension"])))
        for start in starts
    ]  # fmt: skip
    died = day_of(251 + draw(st.integers(0, 40))) if draw(st.integers(0, 3)) == 0 else None
    return crossings, permissions, died


def as_known(person, observed_to):
    """What is known of a person on a day: a death is a departure of somebody here, and no permission outlasts it."""
    crossings, permissions, died = person
    died = died if died is not None and died <= observed_to else None
    crossings = [one for one in crossings if one[0] <= observed_to]
    permissions = [
        (start, end if died is None else min(end, died), *rest)
        for start, end, *rest in permissions
        if start <= observed_to and (died is None or start < died)
    ]
    dead_here = died is not None and bool(crossings) and crossings[-1][1]
    return [*crossings, (died, False)] if dead_here else crossings, permissions, died


def slow_rows(crossings, permissions, died, observed_to):
    """Return start, stop, branch, end reason, and the rules that date start and end, of each stay of a person."""
    rows = []
    stays = slow_stays(crossings, [one[:3] for one in permissions], SMALL, observed_to)
    for start, end, start_seen, end_seen, long_term, _ in stays:
        code = next((code for since, _, visit, code in permissions if since == start and not visit), None)
        inside = not start_seen and code == "extension"
        died_here = died is not None and end == died
        died_away = died is not None and bool(long_term) and end is not None and (died - end).days <= 25
        dies = died_here or died_away
        if inside:
            branch = "present_before"
        elif long_term:
            branch = "long_enough"
        elif dies:
            branch = "died_before"
        elif long_term is False:
            branch = "too_short"
        else:
            branch = "may_go_on" if end is None else "may_return"
        closes = any(until == end and not visit for _, until, visit, _ in permissions)
        if dies:
            reason = "death"
        elif end is None:
            reason = "open"
        else:
            reason = "departure" if end_seen else "permission_end" if closes else "assumed"
        rows.append(
            (start, died if dies else end or NEVER, branch, reason, "crossed" if start_seen else "permitted",
             "crossed" if end_seen else "permitted")
        )  # fmt: skip
    return rows


@settings(max_examples=250, deadline=None)
@given(st.lists(travellers(), min_size=1, max_size=3), st.integers(200, 330))
def test_the_stays_are_those_of_the_oracle(people, end):
    observed_to = day_of(end)
    known = [as_known(one, observed_to) for one in people]
    crossed = [
        (person, day, arrives, died, day == died, "crossed", number, None, None, None, None, None)
        for person, (crossings, _, died) in enumerate(known)
        for number, (day, arrives) in enumerate(crossings)
    ]
    given_rows = [
        (person, since, until, visit, "visiting" if visit else "permitted", number, code, died)
        for person, (_, permissions, died) in enumerate(known)
        for number, (since, until, visit, code) in enumerate(permissions)
    ]
    found = chained_stays(
        pl.DataFrame(crossed, schema=SCHEMA, orient="row"),
        pl.DataFrame(given_rows, schema=GIVEN, orient="row"),
        rule(),
        observed_to,
    )
    columns = ["person_id", "start", "stop", "branch", "end_reason", "start_rule", "end_rule"]
    expected = [(person, *row) for person, one in enumerate(known) for row in slow_rows(*one, observed_to)]
    assert sorted(found.select(columns).rows()) == sorted(expected)
    assert found.select(pl.struct("person_id", "start").is_unique().all()).item() or found.is_empty()
    for row in found.iter_rows(named=True):
        assert row["days"] == (min(row["stop"], observed_to) - row["start"]).days
        assert row["absent_days"] == (None if row["stop"] == NEVER else (observed_to - row["stop"]).days)
        assert (row["leaves"] == "by_absence") == (row["status"] == "long_term")


def test_the_rule_has_the_values_of_the_oracle():
    assert rule().kernel == SMALL
    assert dt.timedelta(1) == day_of(1) - day_of(0)
