"""Permissions and crossings: worked examples of single stays, and what is missing in what proportion."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.institutions import border
from synthetic_data.institutions.home_office import permissions
from synthetic_data.lives import newcomers
from synthetic_data.lives.build import live
from synthetic_data.lives.higher_education import first_course
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import EXIT_CHECKS_FROM, NEVER, as_date, day

RESIDENTS = 12_000


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=3, residents=RESIDENTS)


@pytest.fixture(scope="module")
def granted(lives: Lives) -> pl.DataFrame:
    return permissions.permissions(lives)


@pytest.fixture(scope="module")
def flawless(lives: Lives) -> pl.DataFrame:
    return border.travel(lives, NO_ERRORS)


@pytest.fixture(scope="module")
def recorded(lives: Lives) -> pl.DataFrame:
    return border.travel(lives, Errors())


def rows_of(lives: Lives, route: str) -> np.ndarray:
    return np.flatnonzero(lives.route.are(route) & lives.visa_national)


def test_permissions_of_a_stay_follow_one_another_without_a_gap(lives: Lives, granted: pl.DataFrame) -> None:
    """An extension begins on the day after what it extends, and nothing is granted after settlement."""
    once = lives.stays["row"].value_counts().filter(pl.col("count") == 1)["row"]
    chain = granted.filter(pl.col("row").is_in(once.implode())).sort("row", "valid_from", "visa")
    extended = chain.with_columns(before=pl.col("valid_to").shift(1).over("row")).filter(pl.col("visa") == "EXT")
    assert len(extended) > 100
    assert (extended["valid_from"] == extended["before"] + 1).all()
    settled = chain.group_by("row", maintain_order=True).last().filter(pl.col("visa") == "ILR")["row"]
    assert set(chain.filter(pl.col("visa") == "ILR")["row"]) == set(settled)
    assert (chain.filter(pl.col("visa") == "ILR")["valid_to"] == NEVER).all()


def test_students_may_stay_for_their_course_and_120_days_more(lives: Lives, granted: pl.DataFrame) -> None:
    heads = rows_of(lives, "study")
    heads = heads[lives.people["place"].to_numpy()[heads] == 0]
    first = granted.filter((pl.col("visa") == "STU") & pl.col("row").is_in(pl.Series(heads).implode()))
    overstayers = lives.stays.filter(pl.Series(permissions.overstays(lives)))["row"]
    first = first.filter(~pl.col("row").is_in(overstayers.implode()))
    assert len(first) > 50
    finish = first_course(lives)[1][first["row"].to_numpy()]
    assert (first["valid_to"].to_numpy() == finish + 120).all()


def test_visits_and_youth_mobility_are_not_extended(lives: Lives, granted: pl.DataFrame) -> None:
    for route, code in (("visit", "VIS"), ("youth", "YMS")):
        of_route = granted.filter(pl.col("row").is_in(pl.Series(rows_of(lives, route)).implode()))
        once = lives.stays["row"].value_counts().filter(pl.col("count") == 1)["row"]
        of_route = of_route.filter(pl.col("row").is_in(once.implode()))
        assert of_route.filter(pl.col("visa") == code).height > 10
        assert "EXT" not in of_route["visa"].to_list()
    youth = granted.filter(pl.col("visa") == "YMS")
    assert (youth["valid_to"] - youth["valid_from"] <= 731 + 40).all()


def test_refugees_cross_unseen_and_are_protected_months_later(
    lives: Lives, granted: pl.DataFrame, flawless: pl.DataFrame
) -> None:
    protected = granted.filter(pl.col("visa") == "PRO")
    row = protected["row"].to_numpy()
    assert len(row) > 15
    waits = protected["valid_from"].to_numpy() - lives.first_start[row]
    assert 120 < np.median(waits) < 330
    crossings = flawless.join(
        protected.select("row", granted=pl.col("valid_from").cast(pl.Int32).cast(pl.Date)), on="row"
    )
    assert (crossings["EVENT_DATE"] >= crossings["granted"]).all()
    settled = granted.filter(pl.col("visa") == "ILR").join(protected, on="row", suffix="_before")
    assert (settled["valid_from"] >= settled["valid_to_before"]).all()


def test_people_who_become_british_vanish_from_exit_checks(
    lives: Lives, granted: pl.DataFrame, flawless: pl.DataFrame
) -> None:
    british = pl.Series("british", lives.naturalised)
    assert ((british < NEVER) & pl.Series(lives.visa_national)).sum() > 50
    crossed = flawless.with_columns(british=british[flawless["row"]], day=pl.col("EVENT_DATE").to_physical())
    assert (crossed["day"] < crossed["british"]).all()
    assert (granted["valid_from"] < british[granted["row"]]).all()


def test_students_who_stay_on_switch_once_to_work_or_family(lives: Lives, granted: pl.DataFrame) -> None:
    """The switch follows the student visa, or the extension for a second course, without a gap."""
    heads = np.flatnonzero(lives.route.are("study") & (lives.people["place"] == 0).to_numpy())
    once = lives.stays["row"].value_counts().filter(pl.col("count") == 1)["row"]
    chain = granted.filter(pl.col("row").is_in(heads.tolist()) & pl.col("row").is_in(once.implode()))
    chain = chain.sort("row", "valid_from").with_columns(before=pl.col("valid_to").shift(1).over("row"))
    switched = chain.filter(pl.col("visa").is_in(["WRK", "FAM"]) & pl.col("before").is_not_null())
    assert len(switched) > 20
    assert (switched["valid_from"] == switched["before"] + 1).all()
    assert switched["row"].is_unique().all()
    to_work = (switched["visa"] == "WRK").mean()
    spread = 4 * (permissions.SWITCH_TO_WORK * (1 - permissions.SWITCH_TO_WORK) / len(switched)) ** 0.5
    assert abs(to_work - permissions.SWITCH_TO_WORK) < spread


def test_overstayers_hold_nothing_when_they_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a country to which half of all newcomers come to stay on."""
    monkeypatch.setattr(newcomers, "MIGRANT_GROUPS", tuple(replace(group, overstays=0.5) for group in MIGRANT_GROUPS))
    lives = live(seed=3, residents=1_000)
    granted = permissions.permissions(lives)
    stays = lives.stays.filter(pl.Series(permissions.overstays(lives)))
    stays = stays.filter(
        pl.Series(lives.visa_national[stays["row"].to_numpy()]) & (pl.col("start") >= day(2010, 2, 15))
    )
    refugees = pl.Series(rows_of(lives, "protection")).implode()
    stays = stays.filter(~pl.col("row").is_in(refugees))
    last = granted.join(stays, on="row").filter(pl.col("valid_from") < pl.col("end")).group_by("row").agg(
        pl.col("valid_to").max(), pl.col("end").first()
    )  # fmt: skip
    assert len(last) > 50
    assert (last["valid_to"] < last["end"]).all()


def test_perfect_exit_checks_record_both_sides_of_every_journey(lives: Lives, flawless: pl.DataFrame) -> None:
    trips = lives.trips.filter((pl.col("out") >= EXIT_CHECKS_FROM) & (pl.col("back") <= day(2019, 12, 31)))
    row = trips["row"].to_numpy()
    usual = (lives.naturalised[row] == NEVER) & ~lives.route[row].are("protection")
    trips = trips.filter(pl.Series(usual & lives.visa_national[row]))
    crossed = set(zip(flawless["row"], flawless["EVENT_DATE"].to_physical(), flawless["DIRECTION"], strict=True))
    for name, direction in (("out", "OUT"), ("back", "IN")):
        expected = {(row, on, direction) for row, on in trips.select("row", name).iter_rows()}
        assert expected <= crossed


def test_arrivals_are_reported_nine_times_in_ten_and_departures_nearly_always(
    recorded: pl.DataFrame, flawless: pl.DataFrame
) -> None:
    """Inwards 89% over all routes (0.93, 0.05 and 0.02 of crossings); outwards 2.2% unmatched, 0.5% unreported."""
    share = {
        (direction, route): recorded.filter(pl.col("DIRECTION") == direction, pl.col("ROUTE") == route).height
        / len(whole)
        for (direction, route), whole in flawless.group_by("DIRECTION", "ROUTE")
    }
    inwards = flawless.filter(pl.col("DIRECTION") == "IN").height
    all_in = recorded.filter(pl.col("DIRECTION") == "IN").height / inwards
    # households cross together: four standard errors of crossings in pairs
    tolerance = 4 * np.sqrt(2 * 0.89 * 0.11 / inwards)
    assert abs(all_in - 0.995 * (0.93 * 0.92 + 0.05 * 0.50 + 0.02 * 0.45)) < tolerance + 0.005
    out = flawless.filter(pl.col("DIRECTION") == "OUT").height
    all_out = recorded.filter(pl.col("DIRECTION") == "OUT").height / out
    assert abs(all_out - 0.978 * 0.9955 * 0.996) < 4 * np.sqrt(2 * 0.03 / out) + 0.003
    assert share["IN", "RAIL"] < share["IN", "AIR"] - 0.2
    assert share["OUT", "AIR"] > 0.96


def test_journeys_through_ireland_leave_one_trace_or_none(lives: Lives, flawless: pl.DataFrame) -> None:
    """With every journey through Ireland, half of them leave no record, and the others one crossing."""
    through = NO_ERRORS.model_copy(update={"border": NO_ERRORS.border.model_copy(update={"by_ireland": 1.0})})
    crossed = border.travel(lives, through)
    trips = lives.trips.filter((pl.col("out") > EXIT_CHECKS_FROM) & (pl.col("back") < day(2019, 12, 31)))
    trips = trips.filter(pl.Series(lives.visa_national[trips["row"].to_numpy()]))
    assert 0.4 < crossed.height / trips.height < 0.6
    sides = crossed["DIRECTION"].value_counts(normalize=True)["proportion"]
    assert ((sides - 0.5).abs() < 0.05).all()


def test_nothing_is_known_from_before_april_2015(recorded: pl.DataFrame) -> None:
    assert recorded["EVENT_DATE"].min() >= as_date(EXIT_CHECKS_FROM) == date(2015, 4, 8)


def test_every_route_of_a_party_has_a_visa() -> None:
    routes = {group.route for group in MIGRANT_GROUPS if group.group == "non_EU"}
    assert None not in routes
    assert routes <= set(permissions.VISAS) <= set(permissions.DAYS)
