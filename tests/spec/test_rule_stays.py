# ruff: noqa: E501 (a timeline is as long as its years)
"""The default stay rules on one person's evidence: timelines a methodologist can read, and the result expected.

`rule_timelines.py` says how a timeline is drawn.
"""

import datetime as dt

import pytest
from rule_timelines import observed, outcome_of, outcomes_of, tax_year

from rules.stays import a_year_before

D = dt.date


# --- the border: first arrival to last departure ---------------------------------------------------------


def test_a_student_who_flies_home_at_christmas_stays_once() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018
        permission_to_stay                        <-------------> study
        border_in                                 x   x
        border_out                                   x         o
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2015-09 certain", "emigration 2016-10 certain"]
    assert outcome.composite["decided_by"].to_list() == ["border_in, border_out"]


def test_a_visa_changed_without_a_journey_is_one_stay() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018       |2019
        permission_to_stay               <-----------------> study
        permission_to_stay                                  <--------------------------------> work
        border_out                                 x
        border_in                                   x
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2014-12 certain", "emigration 2019-04 probable"]


def test_an_open_permission_keeps_a_stay_open_and_is_no_sign_of_residence() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018       |2019
        permission_to_stay    <----------------> work
        permission_to_stay                      <----------- settlement
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2014-01 certain"]
    assert outcome.ends == ["open"]
    assert outcome.residents == {}


def test_settlement_is_given_to_a_person_already_here() -> None:
    outcome = outcome_of([observed("permission_to_stay", D(2017, 5, 1), code="settlement")], group="non_EU")
    assert outcome.migrations == []
    assert outcome.ends == ["open"]


def test_a_missing_departure_is_put_at_the_end_of_the_permission() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018
        permission_to_stay                        <--------------> study
        border_in                                 x
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2015-09 certain", "emigration 2016-12 certain"]
    assert outcome.ends == ["permission_end"]


@pytest.mark.parametrize(
    ("evidence", "day"),
    [
        ([observed("border_in", D(2015, 9, 1)), observed("permission_to_stay", D(2015, 8, 1), D(2017, 2, 1), code="work")], D(2017, 1, 31)),
        ([observed("permission_to_stay", D(2015, 5, 1), D(2017, 2, 1), code="work")], D(2017, 1, 31)),
        ([tax_year(2014, 52), tax_year(2015, 52)], D(2016, 4, 5)),
        ([tax_year(2014, 52), tax_year(2015, 20)], D(2015, 8, 23)),  # 140 days from 6 April
        ([tax_year(2014, 52), observed("student_enrolled", D(2014, 9, 1), D(2016, 7, 1))], D(2016, 6, 30)),
        ([observed("student_enrolled", D(2014, 9, 1), D(2016, 7, 1))], D(2016, 6, 30)),
        ([observed("nhs_posted", D(2014, 9, 1)), observed("nhs_listed", D(2015, 7, 31))], D(2015, 7, 31)),
    ],
    ids=["permission", "no crossing", "whole tax year", "weeks", "course", "only a course", "register"],
)  # fmt: skip
def test_the_day_of_a_departure_that_nobody_saw_is_the_last_day_of_the_evidence(
    evidence: list[dict], day: dt.date
) -> None:
    """Evidence ends half-open, on the day after `valid_to`, 5 April or the last day of a course; people leave on that day."""
    outcome = outcome_of(evidence, group="non_EU")
    assert outcome.composite["end"].to_list() == [day]
    assert outcome.migrations[-1] == f"emigration {day:%Y-%m} certain"


def test_a_permission_of_366_days_is_no_long_stay_unless_its_last_day_is_366_days_after_the_first() -> None:
    """From 1 May 2016 to 1 May 2017 are 365 days, as between two crossings."""
    short, long = (
        [observed("permission_to_stay", D(2016, 5, 1), last + dt.timedelta(1), code="work")]
        for last in (D(2017, 5, 1), D(2017, 5, 2))
    )
    assert [one.classes for one in outcomes_of([short, long], group="non_EU")] == [["short_term"], ["long_term"]]


def test_a_removal_cannot_date_a_departure_before_the_last_day_of_known_weeks() -> None:
    outcome = outcome_of(
        [*(tax_year(year, 52) for year in range(2009, 2019)), observed("nhs_removed", D(2019, 5, 1))]
    )
    assert outcome.composite["end"].to_list() == [D(2019, 4, 5)]


def test_a_missing_arrival_is_put_at_the_start_of_the_permission() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018
        permission_to_stay                <------------------> work
        border_out                                        x
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2015-01 certain", "emigration 2016-05 certain"]


EIGHT_YEARS = [tax_year(year, 52) for year in range(2009, 2017)]


def test_whoever_leaves_was_here() -> None:
    """Eight full tax years, and one exit in September 2017: a resident until then, who leaves and never came."""
    outcome = outcome_of([*EIGHT_YEARS, observed("border_out", D(2017, 9, 10))], group="non_EU")
    assert outcome.composite.select("start", "end", "starts_by_arrival").rows() == [
        (D(2009, 4, 6), D(2017, 9, 10), False)
    ]
    assert outcome.composite["decided_by"].to_list() == ["weeks_active, border_out"]
    assert outcome.migrations == ["emigration 2017-09 certain"]
    assert outcome.residents == {2015: True, 2016: True, 2017: True, 2018: False}


def test_an_exit_without_an_arrival_leaves_the_other_evidence_of_the_arrival() -> None:
    outcome = outcome_of(
        """
                              |2012       |2013       |2014       |2015       |2016       |2017       |2018
        worker_arrived                x
        weeks_active                  ==========================================================
        border_out                                                                               o
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2012-09 certain", "emigration 2017-08 certain"]
    assert outcome.composite.height == 1


def test_an_exit_ends_the_stay_of_a_child_who_was_only_registered() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018
        nhs_first_from_abroad    x
        nhs_listed                  x           x           x           x           x
        border_out                                                       o
        """,
        born=D(2008, 3, 1),
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2014-04 certain", "emigration 2017-08 certain"]


HOLIDAY = [observed("border_out", D(2017, 8, 1)), observed("border_in", D(2017, 8, 20))]


@pytest.mark.parametrize(
    "life",
    [
        [*EIGHT_YEARS, tax_year(2017, 52), tax_year(2018, 52)],
        [
            observed("nhs_posted", D(2009, 3, 1)),
            *(observed("nhs_listed", D(year, 7, 31)) for year in range(2010, 2020)),
        ],
        [observed("permission_to_stay", D(2013, 1, 1), code="settlement"), *EIGHT_YEARS],
    ],
    ids=["weeks", "register", "settlement"],
)
@pytest.mark.parametrize("crossings", [HOLIDAY, HOLIDAY[1:]], ids=["out and in", "only in"])
def test_residents_who_go_on_holiday_neither_leave_nor_arrive(life: list[dict], crossings: list[dict]) -> None:
    outcome = outcome_of([*life, *crossings], group="non_EU")
    assert outcome.migrations == []
    assert outcome.classes == ["long_term"]
    assert outcome.composite["starts_by_arrival"].to_list() == [False]
    assert outcome.ends == ["open"]


def test_a_resident_back_from_holiday_stays_for_as_long_as_the_other_evidence_says() -> None:
    """Back on 20 August 2017 without a permission, and at work for 49 weeks from 6 April: until 14 March 2018."""
    outcome = outcome_of([*EIGHT_YEARS, tax_year(2017, 49), *HOLIDAY], group="non_EU")
    assert outcome.composite["end"].to_list() == [D(2018, 3, 14)]
    assert outcome.migrations == ["emigration 2018-03 certain"]
    assert outcome.residents[2017]


def test_a_visitor_whose_arrival_was_not_recorded_is_no_emigrant() -> None:
    """Nothing but an exit: here on that day, nobody knows since when, and no sign that it was for long."""
    outcome = outcome_of([observed("border_out", D(2017, 9, 10))], group="non_EU")
    assert outcome.composite.select("start", "end", "starts_by_arrival", "status").rows() == [
        (D(2017, 9, 10), D(2017, 9, 10), False, "short_term")
    ]
    assert outcome.migrations == []
    assert outcome.residents == {2018: False}


def test_who_comes_without_a_permission_and_goes_to_work_has_arrived() -> None:
    outcome = outcome_of(
        [observed("border_in", D(2017, 8, 20)), tax_year(2017, 30), tax_year(2018, 52)], group="non_EU"
    )
    assert outcome.composite["start"].to_list() == [D(2017, 8, 20)]
    assert outcome.migrations == ["immigration 2017-08 certain"]


def test_an_exit_after_an_earlier_one_shows_that_the_person_had_come_back() -> None:
    """Out in 2015, out again in 2017, in and out within two months of 2018: the second stay lasts over a year."""
    outcome = outcome_of(
        [
            *EIGHT_YEARS[:6], observed("border_out", D(2015, 5, 1)), observed("border_out", D(2017, 3, 1)),
            observed("border_in", D(2018, 1, 1)), observed("border_out", D(2018, 4, 1)),
        ],
        group="non_EU",
    )  # fmt: skip
    assert outcome.migrations == [
        "emigration 2015-05 certain", "immigration 2017-03 certain", "emigration 2018-04 certain"
    ]  # fmt: skip


def test_a_first_crossing_inwards_long_after_the_permission_began_is_a_return() -> None:
    """The border was not watched before April 2015: they came in 2013."""
    outcome = outcome_of(
        """
                              |2013       |2014       |2015       |2016       |2017       |2018
        permission_to_stay        <---------------------------------------------> work
        border_in                                             x
        border_out                                                       x
        """,
        group="non_EU",
    )
    assert outcome.migrations == ["immigration 2013-05 certain", "emigration 2016-08 certain"]


def test_a_same_day_return_leaves_no_trace() -> None:
    """A day trip abroad does not end a stay, nor is a transit a stay."""
    stay = [
        observed("permission_to_stay", D(2016, 1, 1), D(2018, 1, 1), code="work"),
        observed("border_in", D(2016, 1, 5)),
        observed("border_out", D(2016, 8, 1)), observed("border_in", D(2016, 8, 1)),
        observed("border_out", D(2017, 6, 1)),
    ]  # fmt: skip
    transit = [observed("border_in", D(2016, 8, 1)), observed("border_out", D(2016, 8, 1))]
    outcome, passing = outcomes_of([stay, transit], group="non_EU")
    assert outcome.migrations == ["immigration 2016-01 certain", "emigration 2017-06 certain"]
    assert passing.migrations == passing.classes == []


@pytest.mark.parametrize(
    ("last", "expected"),
    [(D(2016, 9, 19), ["short_term"]), (D(2016, 9, 20), ["long_term"])],
    ids=["365 days", "366 days"],
)
def test_more_than_365_days(last: dt.date, expected: list[str]) -> None:
    outcome = outcome_of([observed("border_in", D(2015, 9, 20)), observed("border_out", last)], group="non_EU")
    assert outcome.classes == expected
    assert (outcome.composite["days_over_threshold"][0] > 0) == (expected == ["long_term"])


def test_a_leap_year_is_366_days_long() -> None:
    """From 1 March 2015 to 1 March 2016 are 366 days, a year later 365."""
    leap = [observed("border_in", D(2015, 3, 1)), observed("border_out", D(2016, 3, 1))]
    plain = [observed("border_in", D(2016, 3, 1)), observed("border_out", D(2017, 3, 1))]
    assert [one.classes for one in outcomes_of([leap, plain], group="non_EU")] == [["long_term"], ["short_term"]]


@pytest.mark.parametrize(
    ("back", "spells"),
    [(D(2017, 9, 1), 1), (D(2017, 9, 2), 2)],
    ids=["365 days away", "366 days away"],
)
def test_a_departure_is_final_after_more_than_365_days(back: dt.date, spells: int) -> None:
    outcome = outcome_of(
        [
            observed("border_in", D(2015, 6, 1)), observed("border_out", D(2016, 9, 1)),
            observed("border_in", back), observed("border_out", D(2018, 11, 1)),
        ],
        group="non_EU",
    )  # fmt: skip
    assert outcome.composite.height == spells
    assert outcome.migrations.count("emigration 2016-09 certain") == spells - 1


LAST = D(2015, 6, 30)


@pytest.mark.parametrize(
    "last_and_back",
    [
        lambda back: [observed("border_in", D(2013, 5, 1)), observed("border_out", LAST), observed("border_in", back)],
        lambda back: [
            observed("permission_to_stay", D(2013, 5, 1), LAST + dt.timedelta(1), code="work"),
            observed("nhs_moved", D(2015, 5, 1)), # here after exit checks began
            observed("permission_to_stay", back, D(2018, 1, 1), code="work"),
        ],
        lambda back: [
            tax_year(2013, 52), tax_year(2014, 52), observed("student_enrolled", D(2015, 4, 6), D(2015, 7, 1)),
            observed("worker_arrived", back), tax_year(2016, 30), tax_year(2017, 52),
        ],
        lambda back: [
            tax_year(2014, 52), observed("student_enrolled", D(2014, 9, 1), D(2015, 7, 1)),
            observed("student_enrolled", back, D(2018, 7, 1)),
        ],
        lambda back: [
            observed("student_enrolled", D(2013, 9, 1), D(2015, 7, 1)), observed("student_enrolled", back, D(2018, 7, 1)),
        ],
    ],
    ids=["border", "permission", "arrival flag", "weeks", "registration"],
)  # fmt: skip
def test_every_form_counts_an_absence_in_the_same_days(last_and_back) -> None:
    """Here on 30 June 2015, and again 365 days later, which ends no stay, or 366, which does."""
    spells = [outcome_of(last_and_back(LAST + dt.timedelta(days)), group="non_EU").composite for days in (365, 366)]
    assert [one.height for one in spells] == [1, 2]
    assert spells[1]["end"][0] == LAST


def test_two_part_years_make_an_absence_when_it_is_longer_than_365_days() -> None:
    """Years of 365 and 366 days: 27 + 25 weeks of work leave 367 days between them, 27 + 26 weeks 360."""
    years = [
        *(tax_year(year, 52) for year in range(2009, 2014)),
        tax_year(2016, 52),
        tax_year(2017, 52),
        tax_year(2018, 52),
    ]
    away, here = (
        outcome_of([*years, tax_year(2014, 27), tax_year(2015, weeks)], group="EU").composite for weeks in (25, 26)
    )
    assert away.height == 2
    assert (away["start"][1] - away["end"][0]).days == 368
    assert here.height == 1


def test_a_person_with_two_stays_comes_and_goes_twice() -> None:
    outcome = outcome_of(
        """
                              |2010       |2011       |2012       |2013       |2014       |2015       |2016       |2017       |2018
        permission_to_stay           <-----------------> study
        permission_to_stay                                                                       <-------------------> work
        border_in                                                                                 x
        border_out                                                                                                   x
        """,
        group="non_EU",
    )
    assert outcome.migrations == [
        "immigration 2010-08 certain", "emigration 2012-02 certain",
        "immigration 2015-09 certain", "emigration 2017-04 certain",
    ]  # fmt: skip


def test_a_visitor_is_no_immigrant_and_no_resident() -> None:
    outcome = outcome_of(
        [observed("border_in", D(2017, 5, 20)), observed("border_out", D(2017, 8, 1))], group="non_EU"
    )
    assert outcome.classes == ["short_term"]
    assert outcome.migrations == []
    assert outcome.residents[2017] is False
    assert outcome.decided_by[2017] == "too_short_a_stay"


def test_a_death_here_ends_a_stay_without_emigration() -> None:
    evidence = [
        observed("permission_to_stay", D(2016, 1, 1), D(2020, 1, 1), code="work"),
        observed("border_in", D(2016, 1, 5)),
        observed("nhs_posted", D(2017, 2, 1)),
        observed("nhs_posted", D(2017, 10, 1)),
    ]
    outcome = outcome_of(evidence, died=D(2018, 2, 3), group="non_EU")
    assert outcome.migrations == ["immigration 2016-01 certain"]
    assert outcome.ends == ["death"]
    assert outcome.residents == {2016: True, 2017: True, 2018: False}
    assert outcome.decided_by[2018] == "dead"


def test_a_death_abroad_is_an_earlier_departure() -> None:
    """It is not registered here: only the crossing outwards is known."""
    evidence = [observed("border_in", D(2015, 6, 1)), observed("border_out", D(2017, 1, 1))]
    assert outcome_of(evidence, group="non_EU").migrations == [
        "immigration 2015-06 certain",
        "emigration 2017-01 certain",
    ]


def test_settlement_has_lapsed_for_people_who_need_a_new_visa() -> None:
    """Settled in 2009, back on a work visa in 2016: gone for at least two years."""
    outcome = outcome_of(
        [
            observed("permission_to_stay", D(2009, 5, 1), code="settlement"),
            observed("permission_to_stay", D(2016, 3, 12), D(2019, 3, 14), code="work"),
            observed("border_in", D(2016, 4, 17)), observed("border_out", D(2017, 9, 16)),
        ],
        group="non_EU",
    )  # fmt: skip
    assert outcome.migrations == [
        "emigration 2014-03 certain", "immigration 2016-04 certain", "emigration 2017-09 certain"
    ]  # fmt: skip


# --- weeks of activity -----------------------------------------------------------------------------------


def test_an_eu_worker_without_border_data_is_dated_by_weeks() -> None:
    """26 weeks counted back from 5 April 2016; 20 weeks counted forward from 6 April 2018."""
    outcome = outcome_of([
        observed("nhs_first_from_abroad", D(2016, 5, 10)), observed("nhs_listed", D(2016, 7, 31)), observed("nhs_listed", D(2017, 7, 31)),
        tax_year(2015, 26), tax_year(2016, 52), tax_year(2017, 52), tax_year(2018, 20),
    ])  # fmt: skip
    assert outcome.composite.select("start", "end").row(0) == (D(2015, 10, 7), D(2018, 8, 23))
    assert outcome.migrations == ["immigration 2015-10 certain", "emigration 2018-08 probable"]


def test_a_stated_arrival_in_the_first_year_replaces_the_weeks() -> None:
    outcome = outcome_of(
        [observed("worker_arrived", D(2015, 9, 1)), tax_year(2015, 26), tax_year(2016, 52), tax_year(2017, 52)]
    )
    assert outcome.composite["start"].to_list() == [D(2015, 9, 1)]
    assert outcome.composite["decided_by"].to_list() == ["worker_arrived, weeks_active"]


def test_a_late_registration_never_moves_an_arrival_later() -> None:
    """A person who registers with a GP in March was here when the weeks began in October."""
    outcome = outcome_of(
        [observed("nhs_first_from_abroad", D(2016, 3, 1)), tax_year(2015, 26), tax_year(2016, 52), tax_year(2017, 52)]
    )
    assert outcome.composite["start"].to_list() == [D(2015, 10, 7)]
    assert outcome.migrations[0] == "immigration 2015-10 certain"


def test_one_move_that_raises_four_arrival_flags_is_one_immigration() -> None:
    outcome = outcome_of(
        """
                              |2015       |2016       |2017       |2018       |2019
        worker_arrived                x
        student_from_abroad            x
        student_enrolled               <-----------------------> study
        nhs_first_from_abroad           x
        nhs_flag_4                      x
        nhs_listed                               x           x           x
        weeks_active                   ===========================
        """
    )
    assert outcome.migrations[0] == "immigration 2015-09 certain"
    assert sum(one.startswith("immigration") for one in outcome.migrations) == 1


def test_a_residents_first_job_is_no_arrival() -> None:
    outcome = outcome_of(
        """
                              |2014       |2015       |2016       |2017       |2018       |2019
        nhs_listed                  x           x           x           x           x           x
        weeks_active                                ===============================================
        """,
        born=D(1997, 5, 1),
        group="British",
    )
    assert outcome.migrations == []
    assert outcome.classes == ["long_term"]
    assert outcome.residents[2017]


def test_a_year_abroad_in_the_middle_of_two_part_years_is_an_absence() -> None:
    """22 weeks, then 12: away for 70 weeks between two years of work."""
    outcome = outcome_of([
        *(tax_year(year, 52) for year in range(2009, 2016)), tax_year(2016, 22), tax_year(2017, 12), tax_year(2018, 52)
    ])  # fmt: skip
    assert outcome.migrations == ["emigration 2016-09 certain", "immigration 2018-01 certain"]


def test_a_holiday_at_home_ends_no_stay() -> None:
    """Thirty weeks without work are under a year."""
    outcome = outcome_of(
        [
            *(tax_year(year, 52) for year in range(2009, 2016)),
            tax_year(2016, 22),
            tax_year(2017, 52),
            tax_year(2018, 52),
        ]
    )
    assert outcome.migrations == []
    assert outcome.ends == ["open"]


def test_a_single_empty_year_between_whole_ones_ends_no_stay() -> None:
    """Nobody leaves on 5 April and returns on 6 April of the next year."""
    outcome = outcome_of([*(tax_year(year, 52) for year in (*range(2009, 2015), 2016, 2017, 2018))])
    assert outcome.migrations == []
    assert outcome.composite.height == 1


@pytest.mark.parametrize(
    ("last_year", "weeks", "expected"),
    [(2017, 52, "probable"), (2016, 52, "certain"), (2017, 30, "certain")],
    ids=["one empty year", "two empty years", "less than a year of work, then an empty year"],
)
def test_one_empty_year_after_a_whole_one_may_still_be_a_year_without_work(
    last_year: int, weeks: int, expected: str
) -> None:
    """Weeks are known until 5 April 2019: a whole year of work may follow, and join the two."""
    outcome = outcome_of([*(tax_year(year, 52) for year in range(2009, last_year)), tax_year(last_year, weeks)])
    assert [one.split()[2] for one in outcome.migrations] == [expected]


def test_a_person_who_notifies_the_nhs_of_a_move_has_not_left() -> None:
    outcome = outcome_of([*(tax_year(year, 52) for year in range(2009, 2015)), observed("nhs_moved", D(2017, 8, 1))])
    assert outcome.migrations == []
    assert outcome.ends == ["open"]


def test_a_removal_after_the_last_known_weeks_ends_a_stay() -> None:
    """Weeks are known until 5 April 2019; in November the register learns that they left months ago."""
    outcome = outcome_of(
        [*(tax_year(year, 52) for year in range(2009, 2019)), observed("nhs_removed", D(2019, 11, 1))]
    )
    assert outcome.migrations == ["emigration 2019-07 probable"]
    assert outcome.ends == ["deregistration"]


def test_a_child_who_came_with_the_family_takes_a_first_job_years_later() -> None:
    outcome = outcome_of(
        [
            observed("nhs_first_from_abroad", D(2013, 5, 1)), *(observed("nhs_listed", D(year, 7, 31)) for year in range(2014, 2020)),
            tax_year(2017, 30), tax_year(2018, 52),
        ],
        born=D(2000, 3, 1),
    )  # fmt: skip
    assert outcome.migrations == ["immigration 2013-05 certain"]
    assert outcome.composite.height == 1


def test_a_pensioner_who_dies_here_never_left() -> None:
    outcome = outcome_of(
        [*(tax_year(year, 52) for year in range(2009, 2016)), tax_year(2016, 30)],
        born=D(1935, 5, 1),
        died=D(2016, 11, 20),
    )
    assert outcome.migrations == []
    assert outcome.ends == ["death"]


def test_a_british_returner_comes_back() -> None:
    outcome = outcome_of(
        """
                              |2010       |2011       |2012       |2013       |2014       |2015       |2016       |2017       |2018       |2019
        weeks_active          ===================
        nhs_first_from_abroad                                                                                x
        weeks_active                                                                                     ====================================================
        """,
        group="British",
    )
    assert outcome.migrations == ["emigration 2011-07 certain", "immigration 2016-04 certain"]


def test_a_season_of_work_is_a_short_stay() -> None:
    outcome = outcome_of([observed("worker_arrived", D(2016, 6, 1)), tax_year(2016, 20)])
    assert outcome.classes == ["short_term"]
    assert outcome.composite["end"].to_list() == [D(2016, 10, 18)]
    assert outcome.migrations == []


# --- people without weeks: registration --------------------------------------------------------------------


def test_a_child_comes_with_the_family_and_leaves_the_register() -> None:
    outcome = outcome_of(
        """
                              |2015       |2016       |2017       |2018       |2019
        nhs_first_from_abroad            x
        nhs_listed                             x           x
        nhs_removed                                             x
        """,
        born=D(2010, 3, 1),
    )
    assert outcome.migrations == ["immigration 2015-12 certain", "emigration 2017-06 certain"]
    assert outcome.ends == ["deregistration"]


def test_a_child_born_here_is_no_immigrant_but_can_emigrate() -> None:
    outcome = outcome_of(
        """
                              |2015       |2016       |2017       |2018       |2019
        birth_registered         x
        nhs_listed                  x           x           x
        nhs_removed                                            x
        """,
        born=D(2015, 4, 1),
    )
    assert outcome.migrations == ["emigration 2017-05 certain"]
    assert outcome.residents == {2015: True, 2016: True, 2017: False, 2018: False}


def test_a_return_from_abroad_implies_a_departure_that_the_list_never_recorded() -> None:
    outcome = outcome_of(
        [
            *(observed("nhs_listed", D(year, 7, 31)) for year in range(2010, 2020)),
            observed("nhs_first_from_abroad", D(2018, 6, 1)),
        ],
        born=D(2006, 1, 1),
    )
    assert outcome.migrations == ["emigration 2013-06 certain", "immigration 2018-06 certain"]


def test_a_person_dropped_from_the_list_left_when_last_listed() -> None:
    outcome = outcome_of(
        [
            observed("nhs_posted", D(2009, 3, 1)),
            *(observed("nhs_listed", D(year, 7, 31)) for year in range(2010, 2017)),
        ]
    )
    assert outcome.migrations == ["emigration 2016-07 certain"]


def test_a_person_without_a_practice_is_never_listed_and_still_present() -> None:
    outcome = outcome_of([observed("nhs_posted", D(2009, 3, 1)), observed("nhs_posted", D(2015, 9, 1))])
    assert outcome.migrations == []
    assert outcome.ends == ["open"]


# --- unfinished stays and absences ------------------------------------------------------------------------------


def stay_from(start: dt.date, end: dt.date | None = None) -> list[dict]:
    evidence = [
        observed("permission_to_stay", start, D(start.year + 3, 1, 1), code="work"),
        observed("border_in", start),
    ]
    return evidence if end is None else [*evidence, observed("border_out", end)]


def test_an_unfinished_stay_counts_at_the_share_of_the_year_before() -> None:
    """A year before, 40 people were here for as long; 30 of them stayed for more than a year."""
    stayed = [stay_from(D(2018, 9, 1)) for _ in range(30)]
    left = [stay_from(D(2018, 9, 1), D(2019, 3, 1)) for _ in range(10)]
    outcome, *others = outcomes_of([stay_from(D(2019, 9, 1)), *stayed, *left], group="non_EU")
    assert outcome.classes == ["unfinished"]
    assert outcome.composite["probability"].to_list() == [0.75]
    assert outcome.migrations == ["immigration 2019-09 probable"]
    assert others[0].migrations == ["immigration 2018-09 certain"]
    assert others[-1].migrations == []


def test_an_unfinished_stay_counts_at_the_share_of_its_route() -> None:
    """A year before, 20 workers stayed and 20 students did not: half of all.

    The share of workers is drawn towards half by ten cases, (20 + 5) / 30, that of workers of their nationality group
    towards this, and that of those who had been here as long towards this again.
    """
    workers = [stay_from(D(2018, 9, 1)) for _ in range(20)]
    students = [studied_from(D(2018, 9, 1), D(2019, 3, 1)) for _ in range(20)]
    worker, student, *_ = outcomes_of(
        [stay_from(D(2019, 9, 1)), studied_from(D(2019, 9, 1)), *workers, *students], group="non_EU"
    )
    of_workers = (20 + 10 * (20 + 10 * (20 + 10 * 0.5) / 30) / 30) / 30
    assert worker.composite["probability"].to_list() == pytest.approx([of_workers], abs=2e-6)
    assert student.composite["probability"].to_list() == pytest.approx([1 - of_workers], abs=2e-6)


def studied_from(start: dt.date, end: dt.date | None = None) -> list[dict]:
    return [{**one, "code": "study"} if one["code"] else one for one in stay_from(start, end)]


def test_an_unfinished_absence_counts_at_the_share_of_the_year_before() -> None:
    """A year before, 40 residents had been away for as long; 10 of them came back within the year."""
    away = [stay_from(D(2016, 9, 1), D(2018, 9, 1)) for _ in range(30)]
    back = [[*stay_from(D(2016, 9, 1), D(2018, 9, 1)), observed("border_in", D(2019, 2, 1))] for _ in range(10)]
    outcome, *_ = outcomes_of([stay_from(D(2017, 9, 1), D(2019, 9, 1)), *away, *back], group="non_EU")
    assert outcome.migrations == ["immigration 2017-09 certain", "emigration 2019-09 probable"]


def test_a_death_registered_since_was_not_known_a_year_before() -> None:
    """On 31 December 2018, 40 people had been away since September; ten had died here, as was registered in March."""
    gone = [stay_from(D(2016, 9, 1), D(2018, 9, 1)) for _ in range(30)]
    death = observed("death_registered", D(2018, 11, 1)) | {"known_on": D(2019, 3, 1)}
    dead = [[*stay_from(D(2016, 9, 1), D(2018, 9, 1)), death] for _ in range(10)]
    outcome, *others = outcomes_of([stay_from(D(2017, 9, 1), D(2019, 9, 1)), *gone, *dead], group="non_EU")
    assert others[0].migrations[-1] == "emigration 2018-09 certain"
    assert others[-1].migrations == ["immigration 2016-09 certain"]
    assert others[-1].ends == ["death"]
    assert outcome.probabilities == [1.0, 0.75]


@pytest.mark.parametrize(
    ("data_date", "before"),
    [
        (D(2019, 12, 31), D(2018, 12, 31)), (D(2020, 12, 31), D(2019, 12, 31)), (D(2020, 2, 29), D(2019, 2, 28)),
        (D(2021, 2, 28), D(2020, 2, 28)), (D(2021, 3, 1), D(2020, 3, 1)),
    ],
)  # fmt: skip
def test_the_year_before_is_a_calendar_year(data_date: dt.date, before: dt.date) -> None:
    assert a_year_before(data_date) == before


def test_a_year_before_31_december_2020_is_31_december_2019() -> None:
    """On 31 December 2019, 40 people had come, who have stayed; 40 who came the day after and left were not known."""
    stayed = [stay_from(D(2019, 12, 31)) for _ in range(40)]
    left = [stay_from(D(2020, 1, 1), D(2020, 3, 1)) for _ in range(40)]
    outcome, *_ = outcomes_of([stay_from(D(2020, 12, 31)), *stayed, *left], group="non_EU", data_date=D(2020, 12, 31))
    assert outcome.composite["probability"].to_list() == [1.0]


def test_without_cases_of_the_year_before_an_unfinished_stay_counts_as_half() -> None:
    outcome = outcome_of(stay_from(D(2019, 9, 1)), group="non_EU")
    assert outcome.composite["probability"].to_list() == [0.5]


def test_who_came_a_year_ago_and_may_still_stay_counts_at_the_share_of_those_who_came_before() -> None:
    """Weeks are delivered once a year: of ten who came in May 2018 nobody knows yet, five have left soon.

    Of ten who came in May 2017, as old a year ago as those of 2018 are now, six stayed: all who are resolved, since
    the five may return, though nobody ever did. So the ten stand for six who stay, of all there are (6 + 6) / 25 =
    0.48, and of those who came in a May, drawn towards that by ten cases, (6 + 10 x 0.48) / 25 = 0.432.
    """
    flag = "worker_arrived"
    stayed = [observed(flag, D(2017, 5, 20)), tax_year(2017, 45), tax_year(2018, 52)]
    gone = [observed(flag, D(2017, 5, 20)), tax_year(2017, 45)]
    perhaps = [observed(flag, D(2018, 5, 20)), tax_year(2018, 45)]
    left_soon = [observed(flag, D(2018, 5, 20)), tax_year(2018, 5)]
    newcomer, *_ = outcomes_of(
        [[observed(flag, D(2019, 5, 20))], *[stayed] * 6, *[gone] * 4, *[perhaps] * 10, *[left_soon] * 5]
    )
    assert newcomer.composite["probability"].to_list() == [0.432]


def test_weeks_of_activity_are_provisional_from_april_2018() -> None:
    """They are observed until 5 April 2019: an arrival in May 2018 has not been seen for a year."""
    outcome = outcome_of([observed("worker_arrived", D(2018, 5, 20)), tax_year(2018, 45)])
    assert outcome.classes == ["unfinished"]
    assert outcome.migrations == ["immigration 2018-05 probable"]
