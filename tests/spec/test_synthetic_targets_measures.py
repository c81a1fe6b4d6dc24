"""Every measure of a published figure, worked out by hand on a few people."""

from datetime import date, timedelta

import pytest

from synthetic_data.benchmarks.counting import MeasuredFigure
from synthetic_data.benchmarks.measures.by_name import MEASURES
from tests.few_people import ALWAYS, people_rows, presence_rows, study_with, visas


def test_residents_are_those_of_long_stays_with_journeys_and_british_once_naturalised():
    on = date(2019, 6, 30)
    study = study_with(
        people=[
            *people_rows(1, 3, naturalised_on=None),
            *people_rows(2, naturalised_on=date(2019, 6, 30)),
            *people_rows(4, naturalised_on=None),
        ],
        presence=presence_rows(
            (1, date(2010, 1, 1), date(2019, 3, 1)),
            (1, date(2019, 12, 1), None),  # back from a journey of nine months
            (2, ALWAYS, None),
            (3, date(2019, 1, 1), date(2019, 12, 1)),  # a visit of eleven months
            (4, date(2010, 1, 1), date(2018, 6, 29)),
            (4, date(2019, 6, 30), None),  # away for over a year
        ),
        residents={"reference_date": [on, on], "person": [1, 2], "region": ["W", "N"]},
    )
    residents = MEASURES["residents"]
    assert residents(study, on) == MeasuredFigure(3, 3)
    assert residents(study, on, {"nationality_group": "British"}, {}) == MeasuredFigure(1 / 3, 1)
    assert residents(study, on, {"region": "W"}) == MeasuredFigure(1, 1)
    assert residents(study, date(2018, 12, 31)) == MeasuredFigure(2, 2)


def test_births_know_where_the_mother_was_born():
    study = study_with(people=[
        *people_rows(1), *people_rows(2, country_of_birth="GB"),
        *people_rows(3, birth_date=date(2017, 1, 1), mother=1),
        *people_rows(4, birth_date=date(2017, 12, 31), mother=2),
        *people_rows(5, birth_date=date(2018, 1, 1), mother=2),
    ])  # fmt: skip
    year = (date(2017, 1, 1), date(2017, 12, 31))
    assert MEASURES["births"](study, *year) == MeasuredFigure(2, 2)
    assert MEASURES["births"](study, *year, {"mother_born_here": False}, {}) == MeasuredFigure(0.5, 1)


def test_flows_are_a_mean_a_year_for_some_years_and_net_ones_can_be_negative():
    moves = [(1, "immigration"), (2, "immigration"), (1, "emigration"), (2, "emigration"), (3, "emigration")]
    study = study_with(
        people=[*people_rows(1, 2), *people_rows(3, nationality_group="British")],
        migrations=[{"person": who, "date": date(2015, 1, 1), "direction": what} for who, what in moves],
    )
    given = {"begin": date(2012, 7, 1), "until": date(2016, 6, 30), "years": 4, "of_years": 10}
    flows = MEASURES["flows"]
    assert flows(study, **given) == MeasuredFigure(-2.5, 5)
    assert flows(study, **given, where={"direction": "immigration"}) == MeasuredFigure(5.0, 2)
    assert flows(study, **given, where={"direction": "emigration"}) == MeasuredFigure(7.5, 3)
    assert flows(study, **given, where={"nationality_group": "British"}) == MeasuredFigure(-2.5, 1)
    assert flows(study, **given, where={"nationality_group": "non_EU"}) == MeasuredFigure(0.0, 4)


def test_the_lag_is_that_of_the_published_cohort_joined_by_person():
    posted = date(2016, 9, 1)
    study = study_with(
        mws={
            "person": [1, 2, 3, 4, 5],
            "nationality": ["PL", "PL", "IE", "PL", "IN"],
            "arrival_date": [posted - timedelta(days=days) for days in (100, 20, 400, -5, 7)],
        },
        pds={
            "person": [1, 2, 2, 3, 4, 5, 6],
            "registration_type": ["first_from_abroad"] * 4 + ["first_from_abroad", "move", "first_from_abroad"],
            "posting_date": [posted, posted, posted + timedelta(days=90), posted, posted, posted, posted],
        },
    )
    cohort = (date(2016, 8, 1), date(2017, 8, 7))
    # the second registration of 2, the registration of 4 before the arrival and the move of 5 do not count
    assert MEASURES["registration_lag"](study, *cohort, {"group": ["EU", "Irish"]}) == MeasuredFigure(100.0, 3)


def test_lists_are_longer_than_the_residents():
    study = study_with(
        people=people_rows(1, 2, 3, 4), presence=presence_rows(*((person, ALWAYS, None) for person in (1, 2, 3, 4))),
        residents={"reference_date": [date(2015, 6, 30)], "person": [1]},
        pr={"person": [1, 2, 3, 4, 9, 9], "snapshot_date": [date(2015, 7, 31)] * 5 + [date(2016, 7, 31)]},
    )  # fmt: skip
    assert MEASURES["list_excess"](study, date(2015, 7, 31), date(2015, 6, 30)) == MeasuredFigure(0.25, 1)


def _crossings(*rows):
    nothing = {"visa_type": None, "valid_from": None, "valid_to": None}
    return [nothing | dict(zip(("person", "event_date", "direction"), row, strict=True)) for row in rows]


def test_exit_checks_distinguish_in_time_late_and_not_identified():
    came, end = date(2016, 6, 1), date(2016, 12, 1)
    study = study_with(
        people=[*people_rows(1, 2, 3, 4, 5, 6, naturalised_on=None)],
        presence=presence_rows(
            (1, came, date(2016, 8, 1)),
            (2, came, date(2016, 12, 20)),
            (3, came, date(2016, 8, 1)),  # left in time, but no departure was matched
            (4, came, None),  # has an extension
            (5, date(2013, 1, 1), date(2014, 1, 1)),  # had left before there were exit checks
            (6, came, date(2018, 1, 1)),  # left too late for it to be known
        ),
        exit_checks=[
            *visas(
                (1, "visit", came, end), (2, "visit", came, end), (3, "study", came, end), (4, "work", came, end),
                (4, "extension", end + timedelta(days=1), date(2018, 1, 1)), (5, "work", date(2013, 1, 1), end),
                (6, "visit", came, end), (7, "settlement", came, None),
            ),
            *_crossings(
                (1, came, "arrival"), (1, date(2016, 8, 1), "departure"),
                (2, came, "arrival"), (2, date(2016, 12, 20), "departure"),
                (3, came, "arrival"), (4, came, "arrival"), (6, date(2018, 1, 1), "departure"),
            ),
        ],
    )  # fmt: skip
    given = {"begin": date(2016, 4, 1), "until": date(2017, 3, 31), "known_by": date(2017, 7, 31)}
    measure = MEASURES["expired_permissions"]
    assert measure(study, **given) == MeasuredFigure(4, 4)
    for outcome, number in (("in_time", 1), ("late", 1), ("not_identified", 2)):
        assert measure(study, **given, where={"outcome": outcome}, among={}) == MeasuredFigure(number / 4, number)
    assert measure(study, **given, where={"outcome": "in_time"}, among={"kind": "visit"}) == MeasuredFigure(1 / 3, 1)
    later = given | {"begin": date(2017, 4, 1), "until": date(2018, 3, 31), "known_by": date(2018, 7, 31)}
    assert measure(study, **later, where={"kind": "work"}) == MeasuredFigure(1, 1)  # the extension of a work visa


def test_new_citizens_need_no_permission_so_that_theirs_does_not_expire():
    came, end = date(2014, 6, 1), date(2016, 12, 1)
    study = study_with(
        people=[
            *people_rows(1, naturalised_on=end),  # on the last day, and so in time
            *people_rows(2, naturalised_on=end + timedelta(days=1)),
            *people_rows(3, naturalised_on=None),
        ],
        presence=presence_rows(*((person, came, None) for person in (1, 2, 3))),
        exit_checks=visas(*((person, "work", came, end) for person in (1, 2, 3)))
        + _crossings((9, came, "departure")),
    )
    given = {"begin": date(2016, 4, 1), "until": date(2017, 3, 31), "known_by": date(2017, 7, 31)}
    assert MEASURES["expired_permissions"](study, **given) == MeasuredFigure(2, 2)


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_every_measure_has_a_docstring(measure):
    assert len(MEASURES[measure].__doc__ or "") > 30
