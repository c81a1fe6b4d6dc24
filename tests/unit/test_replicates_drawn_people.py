"""People drawn for a replicate: as often as is probable, both sides of a migration alike, and in any order."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from estimation_people import late_migration, migration, nationality, resident

from estimation.by_replicates.drawn_people import (
    CLASSIFICATION,
    DRAWN,
    NATIONALITY,
    NOT_YET_KNOWN,
    DecidedPeople,
    draw_people,
)
from estimation.keyed_random import keyed_uniforms
from pipeline.schemas import LateMigrations, Migrations, PeopleNationality, Residents

DAY, NEXT = date(2018, 6, 30), date(2019, 6, 30)
PEOPLE = range(1, 4001)


def table(rows, schema):
    return pl.DataFrame(rows, schema=schema.create_empty().schema, strict=False)


def decided(migrations=(), residents=(), nationalities=(), late=()):
    nothing = pl.DataFrame()
    return DecidedPeople(
        nothing, nothing, nothing, table(nationalities, PeopleNationality), nothing,
        table(migrations, Migrations), table(late, LateMigrations), table(residents, Residents),
    )  # fmt: skip


def residence(person, day, probability):
    return resident(person, day) | {"probability": probability}


def unsettled():
    """People who came with probability .7, and as many who left with probability .4."""
    came = [migration(one, date(2018, 1, 5), "immigration", 0.7) for one in PEOPLE]
    left = [migration(-one, date(2018, 1, 5), "emigration", 0.4) for one in PEOPLE]
    here = [residence(one, day, 0.7) for one in PEOPLE for day in (DAY, NEXT)]
    stayed = [residence(-one, day, 0.6) for one in PEOPLE for day in (DAY, NEXT)]
    return decided(came + left, here + stayed)


def outcomes(people, direction):
    moves = people.migrations.filter(pl.col("direction").cast(pl.String) == direction)
    return dict(moves.select("person_id", "probability").iter_rows())


def test_what_is_open_happens_as_often_as_is_probable():
    drawn = draw_people(unsettled(), seed=1, replicate=0)
    for direction, probability in (("immigration", 0.7), ("emigration", 0.4)):
        happened = list(outcomes(drawn, direction).values())
        assert set(happened) == {0.0, 1.0}
        assert np.mean(happened) == pytest.approx(probability, abs=0.03)
    assert drawn.residents["probability"].unique().sort().to_list() == [0.0, 1.0]


def test_who_came_is_here_and_who_left_is_not_on_every_day():
    drawn = draw_people(unsettled(), seed=1, replicate=0)
    came, left = outcomes(drawn, "immigration"), outcomes(drawn, "emigration")
    for person, here in drawn.residents.select("person_id", "probability").iter_rows():
        assert here == (came[person] if person > 0 else 1 - left[person])


def test_a_departure_that_is_open_says_nothing_of_the_days_before():
    before = date(2017, 6, 30)
    rows = [residence(one, before, 0.8) for one in PEOPLE]
    left = [migration(one, date(2018, 1, 5), "emigration", 0.8) for one in PEOPLE]
    drawn = draw_people(decided(left, rows), seed=1, replicate=0)
    went = outcomes(drawn, "emigration")
    here = dict(drawn.residents.select("person_id", "probability").iter_rows())
    assert np.mean(list(here.values())) == pytest.approx(0.8, abs=0.03)
    assert all(here[person] == went[person] for person in PEOPLE)  # who left had been here


def test_decided_cases_keep_calibrated_probabilities():
    row = migration(1, date(2018, 1, 5), "immigration", 0.95) | {"status": "certain"}
    assert draw_people(decided([row]), 1, 0).migrations["probability"].to_list() == [0.95]


def test_a_person_is_of_one_group_as_often_as_is_probable():
    probable = {"British": 0.5, "EU": 0.3, "non_EU": 0.2}
    rows = [nationality(one, group, p) for one in PEOPLE for group, p in probable.items()]
    drawn = draw_people(decided(nationalities=rows), 1, 0).nationality
    assert drawn["person_id"].to_list() == list(PEOPLE)
    shares = {str(group): count / len(PEOPLE) for group, count in drawn.group_by("group").len().iter_rows()}
    assert shares == pytest.approx(probable, abs=0.03)
    assert set(drawn["probability"]) == {1.0}


def test_late_migrations_have_the_mean_and_the_variance_that_the_counts_take():
    rows = [late_migration(one, date(2019, 1, 5), "emigration", 0.8, 1.5) for one in range(40_000)]
    cases = draw_people(decided(late=rows), 1, 0).late.select(pl.col("probability") * pl.col("factor")).to_series()
    assert cases.mean() == pytest.approx(1.2, rel=0.03)
    assert cases.var() == pytest.approx(1.2 + 1.2**2, rel=0.06)


def test_what_is_frozen_stays_as_expected():
    people = unsettled()
    assert draw_people(people, 1, 0, DRAWN) == people
    assert draw_people(people, 1, 0, {NATIONALITY, NOT_YET_KNOWN}).migrations.equals(
        draw_people(people, 1, 0).migrations
    )
    assert draw_people(people, 1, 0, {CLASSIFICATION}).residents.equals(people.residents)


def test_no_order_and_no_other_person_changes_a_draw():
    people = unsettled()
    shuffled = replace(
        people,
        migrations=people.migrations.sample(fraction=1, shuffle=True, seed=5),
        residents=people.residents.filter(pl.col("person_id") % 3 == 0).sample(fraction=1, shuffle=True, seed=5),
    )
    key = ["person_id", "reference_date"]
    one, other = (draw_people(each, 1, 7) for each in (people, shuffled))
    kept = one.residents.filter(pl.col("person_id") % 3 == 0).select(*key, "probability").sort(key)
    assert other.residents.select(*key, "probability").sort(key).equals(kept)
    assert outcomes(one, "immigration") == outcomes(other, "immigration")
    assert outcomes(draw_people(people, 1, 8), "immigration") != outcomes(one, "immigration")


def test_numbers_of_people_are_even_and_of_the_key_alone():
    keys = np.arange(100_000)
    found = keyed_uniforms(3, "stream", keys)
    assert np.histogram(found, bins=10, range=(0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)
    assert keyed_uniforms(3, "stream", keys[::-1]).tolist() == found[::-1].tolist()
    assert abs(np.corrcoef(found, keyed_uniforms(3, "another", keys))[0, 1]) < 0.02
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.02
    assert keyed_uniforms(3, "stream", keys[:5], keys[:5]).tolist() != found[:5].tolist()
