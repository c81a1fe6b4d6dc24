"""Days present, lags of registration and what is not known yet: by hand, and against slow ways to say the same."""

from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.contracts import read_contracts
from pipeline.schemas import TABLES
from pipeline.tables import connect
from rules.days_present import BAND_DAYS, STUDY_DAYS, days_present
from rules.registration_lags import BANDS, registration_lags, share_registered, shares_by_band
from rules.unknown_by_quarter import unknown_by_quarter

DATA_DATE = date(2019, 12, 31)
EVIDENCE = {
    "person_id": pl.Int64, "source": pl.String, "kind": pl.String, "date": pl.Date, "date_quality": pl.String,
    "known_on": pl.Date,
}  # fmt: skip
BEGINS = date(2016, 9, 20)


def evidence(person: int, source: str, kind: str, on: date, quality: str = "exact", known: date | None = None):
    return {
        "person_id": person, "source": source, "kind": kind, "date": on, "date_quality": quality,
        "known_on": known or on,
    }  # fmt: skip


def studies(person: int, begins: date = BEGINS):
    return [evidence(person, "hesa", "arrival", begins), evidence(person, "hesa", "enrolment", begins)]


def crossings(person: int, **days: str):
    """Crossings of a person: `into` and `out` are days, separated by spaces."""
    return [
        evidence(person, "exit_checks", kind, date.fromisoformat(day))
        for way, kind in (("into", "arrival"), ("out", "departure"))
        for day in days.get(way, "").split()
    ]


def connected(rows, groups=None):
    connection = connect(1)
    frame = pl.DataFrame(rows, schema=EVIDENCE)
    people = frame.select(pl.col("person_id").unique().sort())
    group = (groups or {}).get
    connection.register("person_evidence", frame)
    connection.register(
        "person",
        people.with_columns(
            nationality_group=pl.Series([group(one, "non_EU") for one in people["person_id"]], dtype=pl.String)
        ),
    )
    return connection


def contracts(*sources):
    found = read_contracts()
    return {source: found[source] for source in sources}


def students(rows):
    """Return the number of students by band."""
    found = days_present(connected(rows), contracts("exit_checks", "hesa"), DATA_DATE)
    TABLES["days_present"].validate(found.select(TABLES["days_present"].column_names()), cast=True)
    return dict(found.group_by("band").agg(pl.col("students").sum()).rows())


@pytest.mark.parametrize(
    ("ways", "band"),
    [
        # 268 days to mid-June, less 21 at home over Christmas: 247
        ({"into": "2016-09-10 2017-01-10", "out": "2016-12-20 2017-06-15"}, "200-249"),
        # a departure is missing between two arrivals, 122 days apart: away since 10 November; 51 + 314 days
        ({"into": "2016-09-10 2017-01-10"}, "350-399"),
        # an arrival is missing between two departures, 182 days apart: 85 to 14 December, then 91 from 15 March on
        ({"into": "2016-09-20", "out": "2016-12-14 2017-06-14"}, "150-199"),
        # first seen to leave, so here before: 91 days
        ({"out": "2016-12-20"}, "50-99"),
        # out and back on one day leaves no trace
        ({"into": "2016-09-20 2017-03-01", "out": "2017-03-01"}, "400-426"),
        # came long before, and no crossing since: nobody knows whether the student is here
        ({"into": "2016-05-01"}, "not_seen"),
        ({}, "not_seen"),
    ],
)
def test_days_present_are_counted_from_the_first_day_of_study(ways, band):
    border = crossings(9, into="2016-01-01", out="2016-02-01")  # of somebody else, who does not study
    assert students([*studies(1), *crossings(1, **ways), *border]) == {band: 1}


@pytest.mark.parametrize("begins", [date(2015, 4, 7), date(2018, 9, 2)])
def test_students_count_whose_first_sixteen_months_the_border_covers(begins):
    """Exit checks begin on 8 April 2015; sixteen months are 487 days."""
    seen = crossings(1, into=str(begins), out="2019-12-01")
    assert students([*studies(1, begins), *seen]) == {}
    inside = date(2015, 4, 8) if begins.year == 2015 else date(2018, 9, 1)
    assert sum(students([*studies(1, inside), *crossings(1, into=str(inside), out="2019-12-01")]).values()) == 1


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(-90, STUDY_DAYS + 30), st.booleans(), min_size=1, max_size=8).filter(
        lambda found: any(-61 <= day < STUDY_DAYS for day in found)
    )
)
def test_days_present_are_those_of_a_walk_from_day_to_day(found):
    rows = [
        evidence(1, "exit_checks", "arrival" if inwards else "departure", BEGINS + timedelta(day))
        for day, inwards in found.items()
    ]
    elsewhere = crossings(9, out="2016-02-01")
    ordered = sorted(found.items())
    imputed = dict(ordered)
    for (day, way), (later, following) in pairwise(ordered):
        if way == following:
            imputed[day + (later - day) // 2] = not way
    present, days = not ordered[0][1], 0
    for day in range(-90, STUDY_DAYS):
        present = imputed.get(day, present)
        days += present and day >= 0
    first = days // BAND_DAYS * BAND_DAYS
    assert students([*studies(1), *rows, *elsewhere]) == {f"{first}-{min(first + BAND_DAYS - 1, STUDY_DAYS)}": 1}


def test_a_share_is_of_the_students_with_crossings():
    rows = [*studies(1), *crossings(1, out="2016-12-20"), *studies(2), *crossings(2, into="2016-09-20"), *studies(3)]
    found = days_present(connected(rows), contracts("exit_checks", "hesa"), DATA_DATE).sort("days_from")
    assert found.select("band", "students", "share").rows() == [
        ("not_seen", 1, None), ("50-99", 1, 0.5), ("400-426", 1, 0.5),
    ]  # fmt: skip
    assert found["period_end"].to_list() == [date(2017, 6, 30)] * 3


def test_without_a_source_of_departures_no_days_are_counted():
    assert days_present(connected(studies(1)), contracts("hesa"), DATA_DATE).is_empty()


def lags(rows, **groups):
    found = registration_lags(connected(rows, groups.get("groups")), contracts("mws", "pds", "hesa"), DATA_DATE)
    TABLES["registration_lags"].validate(found.select(TABLES["registration_lags"].column_names()), cast=True)
    return found


def worker(person: int, arrived: date, registered: date):
    return evidence(person, "mws", "arrival", arrived, "self_reported", registered)


def test_lags_run_from_the_stated_arrival_to_the_day_of_registration():
    """Arrived on 1 May; number on 1 June (31 days), doctor on 30 May (29 days); the address moved later."""
    arrived = date(2016, 5, 1)
    found = lags(
        [
            worker(1, arrived, date(2016, 6, 1)),
            evidence(1, "pds", "registration", date(2016, 5, 30), "registered"),
            evidence(1, "pds", "registration", date(2018, 2, 1), "registered"),
        ],
        groups={1: "EU"},
    )
    people = found.filter(pl.col("people") > 0, pl.col("nationality_group") == "EU").sort("source_to", "band")
    assert people.select("source_from", "source_to", "band", "median_days_seen").rows() == [
        ("mws", "mws", "1_to_3_months", None), ("mws", "mws", "all", 31),
        ("mws", "pds", "all", 29), ("mws", "pds", "under_1_month", None),
    ]  # fmt: skip
    assert set(found["nationality_group"]) == {"EU", "all"}


def test_those_who_have_not_registered_are_in_the_corrected_shares_alone():
    """Two of four have registered, after 10 and 100 days; one came 50 days before the data date, one years ago.

    After 10 days three of four have not registered, and 100 days after one of the two who are still observed has:
    3/4 x 1/2 have not. Raw, both halves have registered within 100 days.
    """
    arrived = date(2015, 1, 1)
    rows = [worker(one, arrived, arrived) for one in (1, 2, 4)]
    rows += [worker(3, DATA_DATE - timedelta(50), DATA_DATE)]
    rows += [
        evidence(1, "pds", "registration", arrived + timedelta(10), "registered"),
        evidence(2, "pds", "registration", arrived + timedelta(100), "registered"),
    ]
    found = lags(rows).filter(pl.col("source_to") == "pds", pl.col("nationality_group") == "all")
    by_band = {row["band"]: row for row in found.to_dicts()}
    assert (by_band["under_1_month"]["share_seen"], by_band["under_1_month"]["share_all"]) == (0.5, 0.25)
    assert (by_band["3_to_6_months"]["share_seen"], by_band["3_to_6_months"]["share_all"]) == (0.5, 0.375)
    assert (by_band["not_seen"]["people"], by_band["not_seen"]["share_all"]) == (2, 0.375)
    assert (by_band["all"]["people"], by_band["all"]["median_days_seen"]) == (4, 10)
    assert by_band["all"]["median_days_all"] == 100


def test_a_registration_before_the_arrival_is_no_lag_of_zero_days():
    rows = [
        worker(1, date(2016, 5, 1), date(2016, 5, 2)),
        evidence(1, "pds", "registration", date(2014, 1, 1), "registered"),
    ]
    people = lags(rows).filter(pl.col("source_to") == "pds", pl.col("people") > 0)
    assert set(people["band"]) == {"before", "all"}


def test_a_source_that_sees_departures_neither_states_arrivals_nor_registers():
    rows = [worker(1, date(2016, 5, 1), date(2016, 5, 2)), *crossings(1, into="2016-04-01", out="2016-08-01")]
    found = registration_lags(connected(rows), contracts("mws", "exit_checks"), DATA_DATE)
    assert set(found["source_from"]) | set(found["source_to"]) == {"mws"}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2500), st.none() | st.integers(-1, 2500)).filter(
            lambda one: one[1] is None or one[1] <= one[0]
        ),
        min_size=1,
        max_size=25,
    )
)
def test_corrected_shares_are_the_product_limit_of_the_textbook(people):
    """Slow oracle: on each day with a registration, of those still observed and not registered, some register."""
    frame = pl.DataFrame(
        [{"source_from": "a", "source_to": "b", "nationality_group": "all", "lag": lag, "observed": observed}
         for observed, lag in people],
        schema={"source_from": pl.String, "source_to": pl.String, "nationality_group": pl.String, "lag": pl.Int64,
                "observed": pl.Int64},
    )  # fmt: skip

    def not_registered_by(day: int) -> float:
        left = 1.0
        for one in sorted({lag for _, lag in people if lag is not None and lag <= day}):
            at_risk = sum((observed if lag is None else lag) >= one for observed, lag in people)
            left *= 1 - sum(lag == one for _, lag in people) / at_risk
        return left

    for time, share in share_registered(frame).select("time", "share").rows():
        assert share == pytest.approx(1 - not_registered_by(time), abs=1e-9)
    found = {row["band"]: row["share_all"] for row in shares_by_band(frame).to_dicts()}
    ends = [first - 1 for first in list(BANDS.values())[1:]] + [10_000]
    before = 0.0
    for band, end in zip(BANDS, ends, strict=True):
        now = 1 - not_registered_by(end)
        assert found[band] == pytest.approx(now - before, abs=2e-6)
        before = now
    assert found["not_seen"] == pytest.approx(1 - before, abs=2e-6)


STAY = {
    "definition": pl.String, "start": pl.Date, "stop": pl.Date, "start_kind": pl.String, "end_reason": pl.String,
    "status": pl.String, "probability": pl.Float64, "left_for_good": pl.Float64, "absent_days": pl.Int64,
    "absent_more_than_days": pl.Int64, "leaves": pl.String,
}  # fmt: skip
OPEN = date(9999, 12, 31)


def stay(start, stop, status, probability=1.0, left=0.0, absent=None, kind="arrival", end="departure"):
    leaves = "by_absence" if status == "long_term" else "never"
    return ("d", start, stop, kind, end, status, probability, left, absent, 365, leaves)


def short_stay(start, stop, status, probability, absent):
    """A stay by a definition of short-term migration: its end counts if it does."""
    return ("short", start, stop, "arrival", "departure", status, probability, probability, absent, 365, "with_stay")


def test_a_quarter_tells_what_is_certain_and_what_is_not_known_yet():
    """In the third quarter of 2018: two certain immigrations, one unknown at a quarter; a visitor counts nowhere."""
    july = date(2018, 7, 2)
    rows = [
        stay(july, OPEN, "long_term", end="open"),
        stay(date(2018, 9, 30), OPEN, "long_term", end="open"),
        stay(july, OPEN, "unfinished", 0.25, end="open"),
        stay(july, date(2018, 7, 20), "short_term", 0.0, absent=500),
        stay(date(2010, 1, 1), july, "long_term", 1.0, 1.0, 366, "unseen"),
        stay(date(2010, 1, 1), july, "long_term", 1.0, 0.6, 365, "unseen"),
        stay(date(2010, 1, 1), july, "long_term", 1.0, 0.0, 547, "unseen", "death"),
    ]
    connection = connect(1)
    connection.register("stay", pl.DataFrame(rows, schema=STAY, orient="row"))
    found = unknown_by_quarter(connection)
    TABLES["unknown_by_quarter"].validate(found.select(TABLES["unknown_by_quarter"].column_names()), cast=True)
    quarter = ("d", date(2018, 7, 1), date(2018, 9, 30))
    columns = [
        "definition", "period_start", "period_end", "direction", "certain", "unknown", "expected", "share_unknown",
    ]  # fmt: skip
    assert sorted(found.select(columns).rows()) == [
        (*quarter, "emigration", 1, 1, 0.6, 0.5),
        (*quarter, "immigration", 2, 1, 0.25, pytest.approx(1 / 3, abs=1e-6)),
    ]


def test_a_short_term_stay_is_known_as_a_whole():
    """One that counts, one that may, and one that does not, each of two months."""
    start, stop = date(2018, 7, 2), date(2018, 9, 2)
    rows = [short_stay(start, stop, *rest) for rest in (("temporary", 1.0, 400), ("unfinished", 0.7, 300))]
    rows.append((*short_stay(start, stop, "visit", 0.0, 300)[:-1], "never"))
    connection = connect(1)
    connection.register("stay", pl.DataFrame(rows, schema=STAY, orient="row"))
    found = unknown_by_quarter(connection).select("direction", "certain", "unknown", "expected")
    assert sorted(found.rows()) == [("emigration", 1, 1, 0.7), ("immigration", 1, 1, 0.7)]
