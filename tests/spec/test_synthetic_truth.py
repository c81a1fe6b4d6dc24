"""The truth of long-term migration, by hand: spells of presence in, migrations and residence out."""

from datetime import date, timedelta

import pytest

from synthetic_data.truth.definitions import is_usual_resident, migrations
from synthetic_data.truth.life import Chain, chains

BEGIN, HORIZON = date(2010, 1, 1), date(2021, 1, 1)
BIRTH = date(1985, 5, 5)
START = date(2015, 3, 1)


def after(days: int) -> date:
    return START + timedelta(days=days)


def migrations_of(
    spells: list[tuple[date, date | None]], *, birth: date = BIRTH, death: date | None = None
) -> list[str]:
    found = migrations(chains(spells), birth, death, BEGIN, HORIZON)
    return [f"{direction} {on}" for on, direction in found]


def test_a_stay_of_365_days_is_short_and_of_366_days_is_long() -> None:
    assert migrations_of([(START, after(365))]) == []
    assert migrations_of([(START, after(366))]) == [f"immigration {START}", f"emigration {after(366)}"]


def test_short_stays_are_one_long_stay_when_the_absence_between_them_is_at_most_365_days() -> None:
    joined = [(START, after(30)), (after(30 + 365), after(30 + 365 + 30))]
    assert migrations_of(joined) == [f"immigration {START}", f"emigration {after(425)}"]
    apart = [(START, after(30)), (after(30 + 366), after(30 + 366 + 30))]
    assert migrations_of(apart) == []


def test_holidays_neither_end_nor_begin_a_stay() -> None:
    holidays = [(START, after(100)), (after(120), after(300)), (after(360), after(900))]
    assert migrations_of(holidays) == [f"immigration {START}", f"emigration {after(900)}"]


def test_a_return_within_365_days_undoes_a_departure_and_a_later_one_is_an_immigration() -> None:
    home = (date(1985, 5, 5), date(2016, 1, 1))
    assert migrations_of([home, (date(2016, 12, 31), None)]) == []
    assert migrations_of([home, (date(2017, 1, 2), None)]) == ["emigration 2016-01-01", "immigration 2017-01-02"]


def test_a_short_return_after_a_long_absence_is_no_migration() -> None:
    home = (date(1985, 5, 5), date(2016, 1, 1))
    assert migrations_of([home, (date(2018, 1, 1), date(2018, 3, 1))]) == ["emigration 2016-01-01"]


def test_death_is_no_emigration_and_birth_no_immigration() -> None:
    assert migrations_of([(date(1985, 5, 5), date(2016, 1, 1))], death=date(2016, 1, 1)) == []
    assert migrations_of([(START, None)], birth=START) == []


def test_a_stay_that_began_before_2010_is_no_immigration() -> None:
    assert migrations_of([(date(2009, 12, 31), date(2012, 1, 1))]) == ["emigration 2012-01-01"]
    assert migrations_of([(date(2010, 1, 1), date(2012, 1, 1))]) == [
        "immigration 2010-01-01",
        "emigration 2012-01-01",
    ]


def test_migrations_too_near_to_the_horizon_to_be_settled_are_omitted() -> None:
    assert migrations_of([(date(2020, 1, 2), None)]) == []
    assert migrations_of([(date(2020, 1, 1), None)]) == ["immigration 2020-01-01"]
    assert migrations_of([(date(1985, 5, 5), date(2020, 1, 2))]) == []
    assert migrations_of([(date(1985, 5, 5), date(2020, 1, 1))]) == ["emigration 2020-01-01"]


def test_a_near_horizon_leaves_a_short_chain_open() -> None:
    assert Chain(date(2020, 6, 1), date(2020, 9, 1)).is_long_term(HORIZON) is None
    assert Chain(date(2019, 6, 1), date(2019, 9, 1)).is_long_term(HORIZON) is False
    assert Chain(date(2015, 6, 1), date(2020, 9, 1)).is_long_term(HORIZON) is True


@pytest.mark.parametrize(
    ("on", "resident"),
    [(after(-1), False), (START, True), (after(110), True), (after(365), True), (after(366), False)],
)
def test_usual_residents_are_those_inside_a_long_stay_even_on_holiday(on: date, resident: bool) -> None:
    of_person = chains([(START, after(100)), (after(120), after(366))])
    assert is_usual_resident(of_person, on, HORIZON) is resident


def test_nobody_on_a_short_stay_is_a_usual_resident() -> None:
    assert not is_usual_resident(chains([(START, after(200))]), after(100), HORIZON)
