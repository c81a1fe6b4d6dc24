"""What is true of the statuses of every life, whatever the movements."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from synthetic_data.truth.definitions import Status, statuses
from synthetic_data.truth.life import Life, Spell

BEGIN, HORIZON = date(2010, 1, 1), date(2021, 1, 1)
BIRTH = date(1990, 1, 1)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Return a life of up to twelve spells; it may begin by birth, last beyond the horizon, or end by death."""
    lengths = draw(st.lists(st.one_of(st.integers(1, 130), st.integers(200, 900)), min_size=1, max_size=24))
    day = draw(st.dates(date(2008, 1, 1), date(2018, 1, 1)))
    birth = draw(st.sampled_from([BIRTH, day]))
    spells: list[Spell] = []
    for here, away in zip(lengths[::2], [*lengths[1::2], 1], strict=False):
        if day >= HORIZON:
            break
        end = day + timedelta(days=here)
        spells.append((day, end if end < HORIZON else None))
        day = end + timedelta(days=away)
    last = spells[-1][1]
    return Life(spells, birth, draw(st.sampled_from([None, last])), BEGIN, HORIZON)


@given(lives())
def test_migrations_alternate_and_visits_are_no_part_of_long_stays(life: Life) -> None:
    found = list(statuses(life))
    for definition in ("long_term", "twelve_months", "days_365_of_487"):
        kinds = [status.kind for status in found if status.definition == definition]
        assert all(one != other for one, other in pairwise(kinds))
        if kinds and not life.begins_here:
            assert kinds[0] == "immigration"
    three = {(status.date, status.days) for status in found if status.definition == "short_term_3_to_12"}
    one = {(status.date, status.days) for status in found if status.definition == "short_term_1_to_12"}
    assert three <= one
    assert all(BEGIN <= status.date < HORIZON for status in found)


@given(lives())
def test_migrants_by_days_spend_365_of_the_next_487_where_they_went(life: Life) -> None:
    here = {
        start + timedelta(days=day)
        for start, end in life.spells
        for day in range(((end or HORIZON) - start).days)
    }  # fmt: skip
    for status in statuses(life):
        if status.definition == "days_365_of_487":
            until = min(status.date + timedelta(days=487), life.death or HORIZON)
            window = [status.date + timedelta(days=day) for day in range((until - status.date).days)]
            present = sum(day in here for day in window)
            assert (present if status.kind == "immigration" else len(window) - present) >= 365


@given(lives(), st.dates(date(2012, 1, 1), HORIZON))
def test_statuses_settled_by_a_day_are_never_revised(life: Life, horizon: date) -> None:
    spells: list[Spell] = [
        (start, end if end is not None and end < horizon else None) for start, end in life.spells if start < horizon
    ]
    if not spells:
        return
    death = life.death if life.death is not None and life.death < horizon else None
    before = {_of(status) for status in statuses(Life(spells, life.birth, death, BEGIN, horizon))}
    assert before <= {_of(status) for status in statuses(life)}


def _of(status: Status) -> tuple[str, str, date]:
    return status.definition, status.kind, status.date
