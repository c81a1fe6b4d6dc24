"""Every measure of students, worked out by hand on a few people."""

from datetime import date, timedelta

from synthetic_data.benchmarks.counting import MeasuredFigure
from synthetic_data.benchmarks.measures.by_name import MEASURES
from synthetic_data.country.geography import authority_lookup
from tests.few_people import people_rows, presence_rows, study_with, visas


def _enrolled(person, begin, *, year=1, domicile="CN", end=None, instance="01A", **more):
    return {
        "person": person, "instance": instance, "domicile": domicile, "commencement_date": begin,
        "year_of_student": year, "study_location": "united_kingdom", "year_start": date(2015, 8, 1), "end_date": end,
        "exchange": "none", "mode": "full_time",
    } | more  # fmt: skip


def test_enrolments_leave_distance_learners_out():
    begin = date(2015, 9, 20)
    study = study_with(hesa=[
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
    study = study_with(hesa=[
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
    study = study_with(
        hesa=[_enrolled(1, begin), _enrolled(2, begin), _enrolled(3, begin), _enrolled(4, begin)],
        presence=presence_rows(
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
    study = study_with(
        hesa=[
            *(_enrolled(person, begin, end=end) for person in (1, 2, 3, 4)),
            _enrolled(5, begin, end=date(2016, 1, 20), exchange="erasmus"),
        ],
        exit_checks=[
            *visas(
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
    study = study_with(
        people=people_rows(1, 2, 3, 4), hesa=terms,
        pr={"person": [1, 2, 3], "snapshot_date": [snapshot] * 3, "postcode": [here, there, None]},
    )  # fmt: skip
    given = {"year_start": year, "snapshot": snapshot, "among": {}}
    measure = MEASURES["listed_where_studying"]
    assert measure(study, **given, where={"same_authority": True}) == MeasuredFigure(0.5, 1)


def test_listed_students_are_distinguished_by_age_mode_and_where_they_come_from():
    year, snapshot = date(2015, 8, 1), date(2016, 7, 31)
    here = f"{authority_lookup()['postcode_district'][0]} 1AA"
    persons = range(1, 5)
    study = study_with(
        people=[
            *people_rows(1, birth_date=date(1993, 8, 2)),  # 22 on the next day
            *people_rows(2, birth_date=date(1993, 8, 1)),
            *people_rows(3, 4, birth_date=date(1997, 1, 1)),
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
