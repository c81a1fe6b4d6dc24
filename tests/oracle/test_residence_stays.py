"""Stays by days in a window, on any crossings, against one person after the other, crossing by crossing."""

import datetime as dt

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.contracts import read_contracts
from rules.residence_stays import residence_stays
from rules.rule_file import SETS
from rules.rule_set import read_rules
from tests.slow_stays import Crossing, classify_person, with_missing_crossings

EPOCH = dt.date(1970, 1, 1)
OBSERVED_TO, THRESHOLD, WINDOW, BEFORE = 100, 6, 9, 12
NEVER = dt.date(9999, 12, 31)
SCHEMA = {
    "person_id": pl.Int64, "day": pl.Date, "is_arrival": pl.Boolean, "death_date": pl.Date, "is_death": pl.Boolean,
    "rule_id": pl.String, "record_id": pl.Int64, "code": pl.String,
    "since": pl.Date, "since_record": pl.Int64, "since_rule": pl.String, "since_code": pl.String,
}  # fmt: skip


def on(day: int) -> dt.date:
    return EPOCH + dt.timedelta(day)


@st.composite
def histories(draw):
    """People with the day since which they have a permission, if they have one, and crossings on different days."""
    people = []
    for _ in range(draw(st.integers(1, 4))):
        days = sorted(draw(st.sets(st.integers(60, OBSERVED_TO), min_size=1, max_size=8)))
        alternating, first = draw(st.booleans()), draw(st.booleans())
        ways = [(place % 2 == 0) == first if alternating else draw(st.booleans()) for place in range(len(days))]
        before = draw(st.one_of(st.none(), st.integers(BEFORE - 2, BEFORE + 2)))
        since = None if before is None else days[0] - before
        people.append((since, [Crossing(*pair) for pair in zip(days, ways, strict=True)]))
    return people


def slow_stays(since, crossings):
    """The stays of one person: start, stop, branch, the days that count after the start and after the stop."""
    resident = since is not None and crossings[0].day - since >= BEFORE
    classified = classify_person(crossings, resident, THRESHOLD, WINDOW, OBSERVED_TO)
    complete = with_missing_crossings(crossings)
    spent = {
        crossing.day: found.days_in_country if crossing.is_arrival else found.days_observed - found.days_in_country
        for crossing, found in zip(crossings, classified, strict=True)
    }
    stays, stay = [], (since, "present_before", None) if resident else None
    for place, (crossing, found) in enumerate(zip(crossings, classified, strict=True)):
        day, arrives, changes = crossing.day, crossing.is_arrival, found.long_term_migration
        if found.resident_before is None:
            break
        if found.resident_before:
            if not arrives and changes is not False:
                start, branch, days = stay
                stays.append((start, day, branch, day - start if days is None else days, spent[day]))
                stay = None
        elif not arrives:
            if place == 0:
                stays.append((day, day, "too_short", 0, spent[day]))
        elif changes:
            stay = (day, "long_enough", spent[day])
        elif changes is None:
            last = crossings[-1]
            if last.is_arrival:
                stays.append((day, None, "may_go_on", spent[day], None))
            else:
                stays.append((day, last.day, "may_return", spent[day], spent[last.day]))
        else:
            left = next(one.day for one in complete if one.day >= day and not one.is_arrival)
            seen_to_leave = not crossings[place + 1].is_arrival
            stays.append((day, left, "too_short", spent[day], spent[left] if seen_to_leave else None))
    if stay is not None:
        start, branch, days = stay
        stays.append((start, None, branch, OBSERVED_TO - start if days is None else days, None))
    return sorted(stays)


def rule():
    shipped = read_rules(SETS / "definitions_2019.toml", read_contracts()).people.crossings_rules[0]
    smaller = {"threshold_days": THRESHOLD, "window_days": WINDOW, "resident_before_days": BEFORE}
    return shipped.model_copy(
        update={key: getattr(shipped, key).model_copy(update={"value": value}) for key, value in smaller.items()}
    )


RULE = rule()


@given(histories())
@settings(max_examples=150, deadline=None)
def test_stays_agree_with_one_crossing_after_the_other(people):
    rows = [
        (person, on(one.day), one.is_arrival, None, False, "crossed", number, None,
         None if since is None else on(since), 1, "permitted", None)
        for person, (since, crossings) in enumerate(people)
        for number, one in enumerate(crossings)
    ]  # fmt: skip
    found = residence_stays(pl.DataFrame(rows, schema=SCHEMA, orient="row"), RULE, on(OBSERVED_TO))
    assert found.select(pl.struct("person_id", "start").is_unique().all()).item()
    ours = found.select("person_id", "start", "stop", "branch", "days", "absent_days").sort("person_id", "start")
    theirs = [
        (person, on(start), NEVER if stop is None else on(stop), *rest)
        for person, history in enumerate(people)
        for start, stop, *rest in slow_stays(*history)
    ]
    assert ours.rows() == theirs


def of_somebody_dead(*crossings):
    """The stays of a resident who crosses the border on some days, the last of which is that of the death."""
    death = on(crossings[-1][0])
    rows = [
        (1, on(day), is_arrival, death, on(day) == death, "crossed", number, None, on(0), 1, "permitted", None)
        for number, (day, is_arrival) in enumerate(crossings)
    ]
    found = residence_stays(pl.DataFrame(rows, schema=SCHEMA, orient="row"), RULE, on(OBSERVED_TO))
    return found.select("start", "stop", "end_reason", "branch").rows()


def test_days_after_a_death_are_no_absence():
    # four days away and three here; the two days of the window after the death would make six
    assert of_somebody_dead((60, False), (64, True), (67, False)) == [(on(0), on(67), "death", "present_before")]
    # two absences of two days, with one day here between them
    crossings = (60, False), (62, True), (63, False), (65, True), (66, False)
    assert of_somebody_dead(*crossings) == [(on(0), on(66), "death", "present_before")]


def test_whoever_was_away_long_enough_before_dying_on_a_visit_had_emigrated():
    assert of_somebody_dead((60, False), (66, True), (67, False)) == [
        (on(0), on(60), "departure", "present_before"), (on(66), on(67), "death", "died_before"),
    ]  # fmt: skip


def test_nobody_who_crosses_has_no_stay():
    assert residence_stays(pl.DataFrame(schema=SCHEMA), RULE, on(OBSERVED_TO)).is_empty()
