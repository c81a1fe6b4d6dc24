"""The passenger survey: who is interviewed, with which weight, and stated intentions against what happens."""

from functools import cache
from math import sqrt

import numpy as np
import polars as pl
import pytest

from synthetic_data.errors.catalogue import Errors, with_overrides
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.errors.survey_rates import Intentions
from synthetic_data.institutions import border
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, FIRST_DAY, LAST_DAY, NEVER, day
from synthetic_data.surveys import passenger_survey as survey
from synthetic_data.surveys.intentions import FOR_GOOD, LONG, intended_absence, intended_stay, months_of

SEED, RESIDENTS = 8, 12_000


@cache
def country() -> Lives:
    return live(SEED, RESIDENTS)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return country()


@pytest.fixture(scope="module")
def every(lives: Lives) -> pl.DataFrame:
    return survey.crossings(lives, DATA_DATE)


def slowly(lives: Lives, row: int) -> list[tuple[int, bool, bool, int, int]]:
    """Return the crossings of one person, one day after the other: day, arrives, journey, since, until."""
    stays = lives.stays.filter(pl.col("row") == row).sort("start").rows()
    trips = lives.trips.filter(pl.col("row") == row).sort("out").rows()
    born, dies = int(lives.birth[row]), int(lives.death[row])
    found, away_since = [], born
    for number, (_, start, end) in enumerate(stays):
        leaves = NEVER if end == dies else end
        if start != born:
            found.append((start, True, False, away_since, leaves))
        here_since = start
        inside = [trip for trip in trips if start <= trip[1] < end]
        for place, (_, out, back) in enumerate(inside):
            later = inside[place + 1][1] if place + 1 < len(inside) else leaves
            found += [(out, False, True, here_since, back), (back, True, True, out, later)]
            here_since = back
        if end != dies:
            found.append((end, False, False, start, stays[number + 1][1] if number + 1 < len(stays) else NEVER))
        away_since = end
    return sorted(one for one in found if FIRST_DAY < one[0] <= DATA_DATE)


def test_crossings_are_those_of_a_slow_walk_through_each_life(lives: Lives, every: pl.DataFrame) -> None:
    travellers = lives.trips["row"].unique().sort().to_list()[:40]
    comers = lives.stays.filter(pl.len().over("row") > 1)["row"].unique().sort().to_list()[:40]
    dead = np.flatnonzero(lives.death < NEVER)[:40].tolist()
    for row in {*range(40), *travellers, *comers, *dead}:
        own = every.filter(pl.col("row") == row).select("day", "arrives", "journey", "since", "until")
        assert sorted(own.rows()) == slowly(lives, row)


def test_no_children_are_born_across_the_border_and_nobody_leaves_by_death(lives: Lives, every: pl.DataFrame) -> None:
    row = every["row"].to_numpy()
    assert (every["day"].to_numpy() > lives.birth[row]).all()
    assert (every["day"].to_numpy() < lives.death[row]).all()
    assert (every["since"] < every["day"]).all()
    assert (every["until"] > every["day"]).all()


@pytest.mark.parametrize("errors", [Errors(), NO_ERRORS], ids=["usual", "perfect"])
def test_weights_sum_to_the_passengers_of_each_route(lives: Lives, every: pl.DataFrame, errors: Errors) -> None:
    contacts = survey.passenger_survey(lives, errors, DATA_DATE)
    port = survey.pick(
        survey.draws(SEED, "route", lives.household_key[every["row"].to_numpy()], every["day"].to_numpy()),
        [share for _, _, share in survey.PORTS],
    )
    crossed = every.with_columns(
        port=pl.Series(port), route=pl.Series([survey.PORTS[one][1] for one in port], dtype=pl.String)
    )
    for route in ("AIR", "RAIL", "SEA"):
        met, passengers = contacts.filter(pl.col("ROUTE") == route), crossed.filter(pl.col("route") == route)
        # whole shifts are met or not, so their squared sizes add up
        shifts = passengers.group_by("day", "port", "arrives").len()["len"].to_numpy().astype(float)
        error = sqrt((shifts**2).sum() * met["WEIGHT"].mean())
        assert abs(met["WEIGHT"].sum() - passengers.height) < 4 * error
        assert (met["WEIGHT"].n_unique() == 1) == (errors == NO_ERRORS)
    assert contacts.height > 400
    assert contacts["CONTACT_NUMBER"].n_unique() == contacts.height


def test_a_tenth_is_met_in_a_small_country_and_as_many_migrants_as_in_reality_in_a_large_one() -> None:
    assert survey.share_of_crossings(50_000) == 0.1
    residents = 5_000_000
    assert survey.share_of_crossings(residents) * survey.MIGRATIONS * residents == pytest.approx(4_000)


def test_perfect_intentions_are_what_comes_true(lives: Lives, every: pl.DataFrame) -> None:
    contacts = survey.passenger_survey(lives, NO_ERRORS, DATA_DATE).with_columns(
        day=pl.col("INTERVIEW_DATE").to_physical().cast(pl.Int64), arrives=pl.col("DIRECTION") == "IN"
    )
    true = contacts.join(every, on=["row", "day", "arrives"], how="left", validate="1:1")
    assert (true["MONTHS_INTENDED"] == np.floor(months_of((true["until"] - true["day"]).to_numpy()))).all()
    assert (true["MONTHS_BEFORE"] == np.floor(months_of((true["day"] - true["since"]).to_numpy()))).all()
    assert ((true["MONTHS_INTENDED"] >= 12) == (true["until"] - true["day"] > 365)).all()


def test_twelve_months_are_more_than_365_days() -> None:
    assert np.floor(months_of(np.array([0, 30, 31, 365, 366, NEVER]))).tolist() == [0, 0, 1, 11, 12, FOR_GOOD]


def within(found: float, expected: float, number: int) -> bool:
    return abs(found - expected) <= 4 * sqrt(expected * (1 - expected) / number)


def test_some_groups_state_other_than_they_do_at_the_given_rates(lives: Lives) -> None:
    rates = Intentions(spread=0.2, switched=0, eu8_short=0.4, students_back=0.3, british_unsure=0.2)
    row = np.arange(lives.people.height)
    on, later = np.full(len(row), day(2016, 5, 1)), np.full(len(row), day(2018, 5, 1))
    stay, absence = (intended(lives, rates, row, on, later) for intended in (intended_stay, intended_absence))
    eu8 = (lives.people["fine_group"] == "EU8").to_numpy()
    students, british = lives.purpose.are("study"), lives.group.are("British")
    assert within((stay[eu8] < LONG).mean(), 0.4, eu8.sum())
    assert (stay[~eu8] >= LONG).all()
    assert within((absence[students] < LONG).mean(), 0.3, students.sum())
    assert within(np.isnan(absence[british]).mean(), 0.2, british.sum())
    assert (absence[~students & ~british] >= LONG).all()


def test_some_people_change_sides_and_others_are_vague_on_their_own(lives: Lives) -> None:
    rates = Intentions(spread=0.3, switched=0.1, eu8_short=0, students_back=0, british_unsure=0)
    row = np.arange(lives.people.height)
    on = np.full(len(row), day(2016, 5, 1))
    for days, changes in ((10, 0.0), (200, 0.1), (1_000, 0.1)):
        stated = intended_stay(lives, rates, row, on, on + days)
        other_side = (stated >= LONG) != (days > 365)
        assert within(other_side.mean(), changes, len(row))
        vague = stated[~other_side] / months_of(np.array([days]))
        assert np.median(vague) == pytest.approx(1, abs=0.03)
        assert vague.std() > 0.15


def test_nobody_states_more_months_than_for_good(lives: Lives) -> None:
    rates = Errors().intentions.model_copy(update={"spread": 3.0})
    row = np.arange(4_000)
    on = np.full(len(row), FIRST_DAY + 100)
    for years in (1, 9):
        stated = intended_stay(lives, rates, row, on, on + 365 * years + 10)
        assert stated.max() == FOR_GOOD
        assert stated.min() >= 0


def test_exit_checks_know_of_the_same_route(lives: Lives) -> None:
    contacts = survey.passenger_survey(lives, NO_ERRORS, DATA_DATE)
    recorded = border.travel(lives, NO_ERRORS, DATA_DATE)
    both = contacts.join(
        recorded.select("row", "EVENT_DATE", "DIRECTION", BORDER="ROUTE"),
        left_on=["row", "INTERVIEW_DATE", "DIRECTION"], right_on=["row", "EVENT_DATE", "DIRECTION"],
    )  # fmt: skip
    assert both.height > 100
    assert (both["ROUTE"] == both["BORDER"]).all()


def test_a_part_alone_has_the_contacts_that_it_has_in_the_whole_country() -> None:
    whole, alone = (live(SEED, 4_000, parts=parts) for parts in (None, [6]))
    met, part = (
        survey.passenger_survey(one, Errors(), LAST_DAY)
        .with_columns(person=one.people["person"][survey.passenger_survey(one, Errors(), LAST_DAY)["row"]])
        .drop("row")
        .sort("CONTACT_NUMBER")
        for one in (whole, alone)
    )
    assert part.height > 20
    assert met.filter(pl.col("person").is_in(pl.Series(alone.person).implode())).equals(part)


def test_there_is_a_file_for_every_year_and_nothing_after_the_data_date(lives: Lives) -> None:
    cut = day(2018, 3, 31)
    extract = survey.deliver(InstitutionView(lives, Errors(), cut))[0]
    assert list(extract.files) == [f"passenger_survey_{year}.csv" for year in range(2010, 2019)]
    whole = pl.concat(survey.deliver(InstitutionView(lives, Errors()))[0].files.values())
    early = whole.filter(pl.col("INTERVIEW_DATE").to_physical() <= cut)
    delivered = pl.concat(extract.files.values())
    key = "CONTACT_NUMBER"
    assert delivered.sort(key).equals(early.sort(key))


def test_migrants_are_met_and_the_refusal_of_passengers_can_be_set(lives: Lives) -> None:
    contacts = survey.passenger_survey(lives, Errors(), DATA_DATE)
    migrants = (pl.col("MONTHS_BEFORE") >= 12) & (pl.col("MONTHS_INTENDED") >= 12)
    assert contacts.filter(migrants).group_by("DIRECTION").len()["len"].min() > 20
    rude = with_overrides(Errors(), {"passengers": {"refused": 0.9}}, "mine")
    few = survey.passenger_survey(lives, rude, DATA_DATE)
    assert few.height < contacts.height / 4
    assert few["WEIGHT"].mean() > 7 * contacts["WEIGHT"].mean()
