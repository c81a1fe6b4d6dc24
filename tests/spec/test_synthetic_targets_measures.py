"""Every measure of a published figure, worked out by hand on a few people."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipeline.study import ExtractFiles, Study
from synthetic_data.benchmarks.counting import MeasuredFigure
from synthetic_data.benchmarks.measures.by_name import MEASURES
from synthetic_data.benchmarks.observed_study import ObservedStudy
from synthetic_data.country.geography import authority_lookup

ALWAYS = date(1990, 1, 1)


def _observed(**tables) -> ObservedStudy:
    """Return a study with these tables: of the truth by name, of sources by `source` (all columns)."""
    study = Study(
        path=Path("study.toml"), name="a few people", synthetic=True, data_date=date(2019, 12, 31),
        area_lookup="areas.csv", extract=(ExtractFiles(name="mws", files=("mws.csv",)),),
    )  # fmt: skip
    observed = ObservedStudy(study)
    truth = {name: pl.DataFrame(rows) for name, rows in tables.items() if name in {
        "people", "presence", "migrations", "residents", "statuses", "postcodes"}}  # fmt: skip
    observed.truth = truth.__getitem__  # ty: ignore[invalid-assignment]
    observed.records = lambda source, *columns: pl.DataFrame(tables[source]).select("person", *columns)  # ty: ignore
    return observed


def _people(*persons, **more):
    plain = {"sex": "F", "birth_date": ALWAYS, "nationality_group": "non_EU", "country_of_birth": "IN"}
    plain |= {"death_date": None, "mother": None}
    return [{"person": person, **plain, **more} for person in persons]


def _presence(*spells):
    return pl.DataFrame(list(spells), schema={"person": pl.Int64, "start": pl.Date, "end": pl.Date}, orient="row")


def test_residents_are_those_of_long_stays_with_journeys_and_british_once_naturalised():
    on = date(2019, 6, 30)
    study = _observed(
        people=[
            *_people(1, 3, naturalised_on=None),
            *_people(2, naturalised_on=date(2019, 6, 30)),
            *_people(4, naturalised_on=None),
        ],
        presence=_presence(
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
    study = _observed(people=[
        *_people(1), *_people(2, country_of_birth="GB"),
        *_people(3, birth_date=date(2017, 1, 1), mother=1), *_people(4, birth_date=date(2017, 12, 31), mother=2),
        *_people(5, birth_date=date(2018, 1, 1), mother=2),
    ])  # fmt: skip
    year = (date(2017, 1, 1), date(2017, 12, 31))
    assert MEASURES["births"](study, *year) == MeasuredFigure(2, 2)
    assert MEASURES["births"](study, *year, {"mother_born_here": False}, {}) == MeasuredFigure(0.5, 1)


def test_flows_are_a_mean_a_year_for_some_years_and_net_ones_can_be_negative():
    moves = [(1, "immigration"), (2, "immigration"), (1, "emigration"), (2, "emigration"), (3, "emigration")]
    study = _observed(
        people=[*_people(1, 2), *_people(3, nationality_group="British")],
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
    study = _observed(
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
    study = _observed(
        people=_people(1, 2, 3, 4), presence=_presence(*((person, ALWAYS, None) for person in (1, 2, 3, 4))),
        residents={"reference_date": [date(2015, 6, 30)], "person": [1]},
        pr={"person": [1, 2, 3, 4, 9, 9], "snapshot_date": [date(2015, 7, 31)] * 5 + [date(2016, 7, 31)]},
    )  # fmt: skip
    assert MEASURES["list_excess"](study, date(2015, 7, 31), date(2015, 6, 30)) == MeasuredFigure(0.25, 1)


def _visas(*rows):
    columns = ("person", "visa_type", "valid_from", "valid_to")
    return [dict(zip(columns, row, strict=True)) | {"event_date": None, "direction": None} for row in rows]


def _crossings(*rows):
    nothing = {"visa_type": None, "valid_from": None, "valid_to": None}
    return [nothing | dict(zip(("person", "event_date", "direction"), row, strict=True)) for row in rows]


def test_exit_checks_distinguish_in_time_late_and_not_identified():
    came, end = date(2016, 6, 1), date(2016, 12, 1)
    study = _observed(
        people=[*_people(1, 2, 3, 4, 5, 6, naturalised_on=None)],
        presence=_presence(
            (1, came, date(2016, 8, 1)),
            (2, came, date(2016, 12, 20)),
            (3, came, date(2016, 8, 1)),  # left in time, but no departure was matched
            (4, came, None),  # has an extension
            (5, date(2013, 1, 1), date(2014, 1, 1)),  # had left before there were exit checks
            (6, came, date(2018, 1, 1)),  # left so late that nobody knew
        ),
        exit_checks=[
            *_visas(
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
    study = _observed(
        people=[
            *_people(1, naturalised_on=end),  # on the last day, and so in time
            *_people(2, naturalised_on=end + timedelta(days=1)),
            *_people(3, naturalised_on=None),
        ],
        presence=_presence(*((person, came, None) for person in (1, 2, 3))),
        exit_checks=_visas(*((person, "work", came, end) for person in (1, 2, 3)))
        + _crossings((9, came, "departure")),
    )
    given = {"begin": date(2016, 4, 1), "until": date(2017, 3, 31), "known_by": date(2017, 7, 31)}
    assert MEASURES["expired_permissions"](study, **given) == MeasuredFigure(2, 2)


def _enrolled(person, begin, *, year=1, domicile="CN", end=None, instance="01A", **more):
    return {
        "person": person, "instance": instance, "domicile": domicile, "commencement_date": begin,
        "year_of_student": year, "study_location": "united_kingdom", "year_start": date(2015, 8, 1), "end_date": end,
        "exchange": "none", "mode": "full_time",
    } | more  # fmt: skip


def test_enrolments_leave_distance_learners_out():
    begin = date(2015, 9, 20)
    study = _observed(hesa=[
        _enrolled(1, begin), _enrolled(2, begin, year=2), _enrolled(3, begin, study_location="distance"),
        _enrolled(4, begin, domicile="FR"), _enrolled(5, begin, domicile="GB"),
    ])  # fmt: skip
    enrolments = MEASURES["enrolments"]
    assert enrolments(study, date(2015, 8, 1)) == MeasuredFigure(4, 4)
    assert enrolments(study, date(2015, 8, 1), {"domicile_group": "non_EU"}) == MeasuredFigure(2, 2)
    assert enrolments(study, date(2015, 8, 1), {"domicile_group": "UK"}) == MeasuredFigure(1, 1)
    assert enrolments(study, date(2015, 8, 1), {"domicile_group": "non_EU", "first_year": True}) == MeasuredFigure(
        1, 1
    )


def test_a_course_from_one_september_to_the_next_is_one_enrolment():
    last_year, begin = date(2014, 9, 20), date(2015, 9, 20)
    study = _observed(hesa=[
        _enrolled(1, last_year, year=2, end=date(2015, 9, 12)),
        _enrolled(2, last_year, year=2, end=date(2015, 10, 15)),  # the 75th day of the academic year
        _enrolled(3, last_year, year=2, end=date(2015, 10, 16)),
        _enrolled(4, last_year, year=2),
        _enrolled(5, begin, end=date(2015, 10, 1)),  # gave up in the first weeks: enrolled all the same
    ])  # fmt: skip
    assert MEASURES["enrolments"](study, date(2015, 8, 1)) == MeasuredFigure(3, 3)
    assert MEASURES["enrolments"](study, date(2015, 8, 1), {"first_year": True}) == MeasuredFigure(1, 1)


def test_days_present_are_those_of_the_first_fourteen_months_of_study():
    begin = date(2015, 9, 20)
    study = _observed(
        hesa=[_enrolled(1, begin), _enrolled(2, begin), _enrolled(3, begin), _enrolled(4, begin)],
        presence=_presence(
            (1, begin - timedelta(days=9), begin + timedelta(days=100)),
            (1, begin + timedelta(days=130), begin + timedelta(days=330)),  # 100 + 200 days
            (2, begin, None),  # 426 days
            (3, begin, begin + timedelta(days=299)),
        ),
    )
    given = {"begin": date(2015, 8, 1), "until": date(2016, 7, 31), "among": {"domicile_group": "non_EU"}}
    measure = MEASURES["first_months"]
    assert measure(study, **given, where={"days": {"from": 300, "to": 400}}) == MeasuredFigure(0.25, 1)
    assert measure(study, **given, where={"days": 426}) == MeasuredFigure(0.25, 1)
    assert measure(study, **given, where={"days": 0}) == MeasuredFigure(0.25, 1)


def test_after_a_course_students_extend_leave_or_neither():
    begin, end = date(2015, 9, 20), date(2016, 6, 30)
    study = _observed(
        hesa=[
            *(_enrolled(person, begin, end=end) for person in (1, 2, 3, 4)),
            _enrolled(5, begin, end=date(2016, 1, 20), exchange="erasmus"),
        ],
        exit_checks=[
            *_visas(
                (1, "study", begin, end), (1, "extension", date(2016, 11, 1), date(2018, 1, 1)),
                (2, "study", begin, end), (3, "study", begin, end), (4, "visit", date(2016, 12, 1), date(2017, 3, 1)),
            )
        ],
        migrations=[
            {"person": person, "date": on, "direction": "emigration"}
            for person, on in (
                (2, end + timedelta(days=5)), (3, end + timedelta(days=90)),
                (1, date(2018, 1, 1)), (5, date(2016, 1, 22)),
            )
        ],
    )  # fmt: skip
    given = {"begin": date(2015, 8, 1), "until": date(2017, 7, 31)}
    measure = MEASURES["after_course"]
    for outcome, number in (("extends", 1), ("leaves", 2), ("other", 1)):
        assert measure(study, **given, where={"outcome": outcome}, among={}) == MeasuredFigure(number / 4, number)
    week = {"days": {"from": -7, "to": 7}}
    assert measure(study, **given, where=week, among={"outcome": "leaves"}) == MeasuredFigure(0.5, 1)


def test_students_are_on_a_list_where_they_study_or_elsewhere():
    year, snapshot = date(2015, 8, 1), date(2016, 7, 31)
    districts = authority_lookup().unique("local_authority")["postcode_district"]
    here, there = f"{districts[0]} 1AA", f"{districts[1]} 1AA"
    terms = [
        _enrolled(person, year) | {"postcode": code} for person, code in ((1, here), (2, here), (3, there), (4, here))
    ]
    study = _observed(
        people=_people(1, 2, 3, 4), hesa=terms,
        pr={"person": [1, 2, 3], "snapshot_date": [snapshot] * 3, "postcode": [here, there, None]},
    )  # fmt: skip
    given = {"year_start": year, "snapshot": snapshot, "among": {}}
    measure = MEASURES["listed_where_studying"]
    assert measure(study, **given, where={"same_authority": True}) == MeasuredFigure(0.5, 1)


def test_listed_students_are_distinguished_by_age_mode_and_where_they_come_from():
    year, snapshot = date(2015, 8, 1), date(2016, 7, 31)
    here = f"{authority_lookup()['postcode_district'][0]} 1AA"
    persons = range(1, 5)
    study = _observed(
        people=[
            *_people(1, birth_date=date(1993, 8, 2)),  # 22 on the next day
            *_people(2, birth_date=date(1993, 8, 1)),
            *_people(3, 4, birth_date=date(1997, 1, 1)),
        ],
        hesa=[
            _enrolled(1, year, domicile="GB") | {"postcode": here},
            _enrolled(2, year, domicile="FR") | {"postcode": here},
            _enrolled(3, year, domicile="CN") | {"postcode": here},
            _enrolled(4, year, domicile="GB", mode="part_time") | {"postcode": here},
        ],
        pr={"person": [*persons], "snapshot_date": [snapshot] * 4, "postcode": [here] * 4},
    )
    given = {"year_start": year, "snapshot": snapshot, "among": {}}
    measure = MEASURES["listed_where_studying"]
    assert measure(study, **given, where={"young": True}) == MeasuredFigure(0.75, 3)
    assert measure(study, **given, where={"domicile_group": "UK"}) == MeasuredFigure(0.5, 2)
    assert measure(study, **given, where={"domicile_group": "EU"}) == MeasuredFigure(0.25, 1)
    assert measure(study, **given, where={"domicile_group": "UK", "mode": "full_time"}) == MeasuredFigure(0.25, 1)


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_every_measure_has_a_docstring(measure):
    assert len(MEASURES[measure].__doc__ or "") > 30
