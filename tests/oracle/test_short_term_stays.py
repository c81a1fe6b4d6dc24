"""Short-term stays and circular moves, on any crossings, against one person after the other."""

import datetime as dt
from functools import cache

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.contracts import read_contracts
from rules.residence_stays import residence_stays
from rules.rule_file import SETS
from rules.rule_set import read_rules
from rules.short_term_stays import short_term_stays
from tests.oracle.test_residence_stays import EPOCH, NEVER, SCHEMA, on
from tests.oracle.test_stays_other_definitions import after_months, slow_continuous
from tests.slow_short_term import changes_that_count, short_term_branches, spells_of
from tests.slow_stays import Crossing

LATEST, BEFORE = 1500, 12
VALUES = {
    "at_least_months": 1, "under_months": 3, "more_than_days": 100, "absent_more_than_days": 40,
    "resident_before_days": BEFORE, "months": 3, "changes": 3, "within": 2,
}  # fmt: skip
SLOW = {
    "least": lambda day: after_months(day, 1),
    "under": lambda day: after_months(day, 3),
    "longer": 100,
    "absence": 40,
}


@cache
def shipped():
    people = read_rules(SETS / "definitions_2019.toml", read_contracts()).people
    return {one.id: one for one in people.crossings_rules}


@cache
def rule(name):
    """A rule of the set, with smaller values."""
    found = shipped()[name]
    keys = set(VALUES) & set(type(found).model_fields)
    return found.model_copy(
        update={key: getattr(found, key).model_copy(update={"value": VALUES[key]}) for key in keys}
    )


@st.composite
def travellers(draw):
    """The end of observation, and people.

    Of each the first day of a permission, the day of death, crossings, the code on each, and whether evidence shows
    a reason after it.
    """
    near = [1, 2, 28, 30, 31, 40, 41, 59, 60, 89, 90, 91, 92, 99, 100, 101]
    gaps = st.one_of(st.sampled_from(near), st.integers(1, 300))
    people = []
    for _ in range(draw(st.integers(1, 4))):
        days = [draw(st.integers(0, 700))]
        for gap in draw(st.lists(gaps, max_size=8)):
            if days[-1] + gap <= LATEST:
                days.append(days[-1] + gap)
        alternating, first = draw(st.booleans()), draw(st.booleans())
        ways = [(place % 2 == 0) == first if alternating else draw(st.booleans()) for place in range(len(days))]
        own = [Crossing(*pair) for pair in zip(days, ways, strict=True)]
        before = draw(st.one_of(st.none(), st.integers(BEFORE - 2, BEFORE + 120)))
        died = days[-1] + draw(st.integers(1, 200)) if draw(st.integers(0, 4)) == 0 else None
        codes = [draw(st.sampled_from(["study", "visit", None])) for _ in days]
        shown = [draw(st.integers(0, 3)) == 0 for _ in days]
        people.append((None if before is None else days[0] - before, died, own, codes, shown))
    last = max(own[-1].day for _, _, own, _, _ in people)
    observed_to = last + draw(st.one_of(st.sampled_from([0, 1, 39, 40, 41, 100, 101]), st.integers(0, 300)))
    known = [
        (since, died if died is not None and died <= observed_to else None, *rest) for since, died, *rest in people
    ]
    return observed_to, known


def ended(died, crossings):
    """The crossings, with the death of somebody who is here as a departure."""
    return [*crossings, Crossing(died, False)] if died is not None and crossings[-1].is_arrival else crossings


def frame(people):
    """The people as rows of `crossings_as_sql`."""
    rows = []
    for person, (since, died, own, codes, shown) in enumerate(people):
        complete = ended(died, own)
        for number, one in enumerate(complete):
            is_death = number == len(own)
            rows.append(
                (person, on(one.day), one.is_arrival, None if died is None else on(died), is_death, "crossed", number,
                 None if is_death else codes[number], None if since is None else on(since), 1, "permitted", None,
                 not is_death and shown[number])
            )  # fmt: skip
    return pl.DataFrame(rows, schema={**SCHEMA, "shown": pl.Boolean}, orient="row")


def slow_short_term(since, died, own, codes, shown, *, by_reason, observed_to):
    complete = ended(died, own)
    spells = spells_of(since, complete, BEFORE)
    rows = []
    for (start, end, how, _), branch in zip(
        spells, short_term_branches(spells, died, SLOW, observed_to), strict=True
    ):
        place = next((at for at, one in enumerate(own) if how == "seen" and one == Crossing(start, True)), None)
        for_a_reason = place is not None and (codes[place] == "study" or shown[place])
        other = by_reason and branch in ("may_go_on", "may_return", "short_enough") and not for_a_reason
        days = 0 if how == "unknown" else (observed_to if end is None else end) - start
        rows.append((on(start), NEVER if end is None else on(end), "another_reason" if other else branch, days))
    return rows


@given(travellers(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_short_term_stays(drawn, by_reason):
    observed_to, people = drawn
    found = short_term_stays(
        frame(people), rule("short_term_un" if by_reason else "short_term_1_12"), on(observed_to)
    )
    assert found.select(pl.struct("person_id", "start").is_unique().all()).item()
    theirs = [
        (person, *row)
        for person, history in enumerate(people)
        for row in slow_short_term(*history, by_reason=by_reason, observed_to=observed_to)
    ]
    ours = found.select("person_id", "start", "stop", "branch", "days").sort("person_id", "start")
    assert ours.rows() == sorted(theirs)
    counts = found.filter(pl.col("leaves") == "with_stay")["branch"].unique().to_list()
    assert set(counts) <= {"short_enough", "may_go_on", "may_return"}


@given(travellers())
@settings(max_examples=100, deadline=None)
def test_what_counts_by_a_narrower_definition_counts_by_the_wider(drawn):
    """Work or study is among all reasons, three to twelve months among one to twelve; by the rules that ship."""
    observed_to, people = drawn
    one, three, un = (
        short_term_stays(frame(people), shipped()[name], on(observed_to)).select(
            "person_id", "start", "stop", "status"
        )
        for name in ("short_term_1_12", "short_term_3_12", "short_term_un")
    )
    assert one.drop("status").equals(three.drop("status"))
    assert one.drop("status").equals(un.drop("status"))
    for narrow, wide in ((three, one), (un, three)):
        assert narrow.filter(status="temporary").join(wide, on=wide.columns, how="anti").is_empty()
        assert wide.filter(status="resident").join(narrow, on=wide.columns, how="anti").is_empty()


@given(travellers())
@settings(max_examples=200, deadline=None)
def test_circular_moves(drawn):
    observed_to, people = drawn
    people = [(since, None, *rest) for since, _, *rest in people]
    circular, plain = rule("circular"), rule("continuous_12")
    found, by_residence = (residence_stays(frame(people), one, on(observed_to)) for one in (circular, plain))
    same = ["person_id", "start", "stop", "start_kind", "end_reason", "days", "absent_days"]
    assert found.select(same).equals(by_residence.select(same))
    for person, (since, _, own, *_) in enumerate(people):
        resident = since is not None and own[0].day - since >= BEFORE
        rows = slow_continuous(resident, own, lambda day: after_months(day, 3), observed_to)
        changes = [
            (one.day, migration) for one, (before, _, migration) in zip(own, rows, strict=True)
            if before is not None and migration is not False
        ]  # fmt: skip
        counts = dict(
            zip(
                [on(day) for day, _ in changes],
                changes_that_count(
                    [(day, bool(certain)) for day, certain in changes], 3, lambda day: after_months(day, 24)
                ),
                strict=True,
            )
        )
        for stay in found.filter(person_id=person).iter_rows(named=True):
            begun = counts.get(stay["start"], False) if stay["start_kind"] == "arrival" else False
            assert (stay["status"] == "circular") == (begun is True), stay
            assert (stay["status"] == "unfinished") == (begun is None), stay
            goes = counts.get(stay["stop"], False) if stay["end_reason"] == "departure" else False
            is_residence = stay["branch"] in ("again_and_again", "residence")
            assert (stay["leaves"] == "by_absence") <= is_residence
            if goes is not False and is_residence:
                assert stay["leaves"] == "by_absence", stay
            if goes is False and stay["stop"] != NEVER:
                assert stay["leaves"] == "never", stay


def test_the_rules_have_the_values_of_this_test():
    assert rule("short_term_1_12").kernel.resident_more_than == VALUES["more_than_days"]
    assert int(rule("circular").within.value) * 12 == 24
    assert on(0) == EPOCH == dt.date(1970, 1, 1)
