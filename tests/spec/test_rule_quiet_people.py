"""Leavers, and people who are merely quiet: cases that a single source gets wrong, and what the others say."""

import datetime as dt

import polars as pl
import pytest
from rule_timelines import default_rules, observed, outcome_of, outcomes_of, tax_year

from pipeline.tables import connect, query
from rules.households import filled_from_family, make_family

D = dt.date
SETTLED = [observed("permission_to_stay", D(2008, 7, 1), code="settlement")]


def listed(*years: int) -> list[dict]:
    return [observed("nhs_listed", D(year, 7, 31)) for year in years]


# --- departures that the border recorded, and returns that it did not ---------------------------------------------


@pytest.mark.parametrize(
    "sign",
    [
        [tax_year(year, 52) for year in range(2009, 2019)],
        [observed("nhs_moved", D(2018, 3, 1))],
        [observed("student_enrolled", D(2017, 9, 20), D(2018, 8, 1))],
        [observed("permission_to_stay", D(2017, 9, 1), D(2020, 1, 1), code="extension")],
    ],
    ids=["weeks", "move", "course", "permission given inside"],
)
def test_a_sign_of_presence_after_a_journey_shows_the_return_that_the_border_missed(sign: list[dict]) -> None:
    """The stay goes on. Of nobody alike does a later crossing tell, so it is as likely that the person was abroad."""
    outcome = outcome_of([*SETTLED, observed("border_out", D(2016, 5, 14)), *sign], group="non_EU")
    assert outcome.classes == ["conflict"]
    assert outcome.ends in (["open"], ["permission_end"])
    assert (outcome.migrations, outcome.probabilities) == (["emigration 2016-05 conflict"], [0.5])


def test_weeks_that_fit_before_a_departure_are_no_sign() -> None:
    """Weeks to the departure on 1 May 2016, at which 25 days of the tax year, four weeks, have passed."""
    weeks = [*(tax_year(year, 52) for year in range(2009, 2016)), tax_year(2016, 4)]
    outcome = outcome_of([*SETTLED, observed("border_out", D(2016, 5, 1)), *weeks], group="non_EU")
    assert outcome.migrations == ["emigration 2016-05 certain"]


def test_weeks_date_a_return_after_years_abroad() -> None:
    """Away for two whole tax years: the return is where the 20 weeks of the third are, at its end."""
    weeks = [*(tax_year(year, 52) for year in range(2009, 2015)), tax_year(2017, 20), tax_year(2018, 52)]
    outcome = outcome_of([*SETTLED, observed("border_out", D(2015, 4, 20)), *weeks], group="non_EU")
    assert outcome.migrations == ["emigration 2015-04 certain", "immigration 2017-11 certain"]


def test_a_permission_from_before_exit_checks_without_a_crossing_since_ended_before() -> None:
    permission = observed("permission_to_stay", D(2013, 9, 1), D(2016, 10, 1), code="study")
    outcome = outcome_of([permission], group="non_EU")
    assert outcome.composite["end"].to_list() == [D(2015, 4, 8)]


def test_a_refugee_came_before_protection_was_granted() -> None:
    """Asylum is granted to people who are here; other evidence tells since when."""
    evidence = [
        observed("worker_arrived", D(2015, 10, 13)), tax_year(2015, 24),
        *(tax_year(year, 52) for year in (2016, 2017, 2018)),
        observed("permission_to_stay", D(2016, 4, 30), D(2021, 5, 1), code="protection"),
        observed("border_out", D(2017, 2, 20)), observed("border_in", D(2017, 5, 11)),
    ]  # fmt: skip
    assert outcome_of(evidence, group="non_EU").migrations == ["immigration 2015-10 certain"]


# --- weeks -------------------------------------------------------------------------------------------------------


def quiet_year(*flags: dict) -> list[dict]:
    """Registered at birth; work, an empty tax year 2016/17, and work again for 40 weeks of the next and since."""
    weeks = [*(tax_year(year, 52) for year in (2013, 2014, 2015)), tax_year(2017, 40), tax_year(2018, 52)]
    return [observed("nhs_posted", D(1990, 1, 20)), *listed(2014, 2015, 2016, 2017, 2018, 2019), *weeks, *flags]


def test_who_does_not_register_from_abroad_after_an_empty_year_had_not_left() -> None:
    assert outcome_of(quiet_year(), born=D(1990, 1, 1), group="British").migrations == []


def test_who_registers_from_abroad_after_an_empty_year_had_left() -> None:
    back = observed("nhs_first_from_abroad", D(2017, 9, 1))
    outcome = outcome_of(quiet_year(back), born=D(1990, 1, 1), group="British")
    assert outcome.migrations == ["emigration 2016-04 certain", "immigration 2017-06 certain"]


def test_seasons_in_two_years_are_no_long_stay() -> None:
    """Nine weeks from 8 March 2015 across the edge of a tax year, eleven in the autumn of 2016: no long stay."""
    evidence = [
        observed("worker_arrived", D(2015, 3, 1)),
        tax_year(2014, 3),
        tax_year(2015, 6),
        tax_year(2016, 11),
    ]
    outcome = outcome_of(evidence, group="EU")
    assert outcome.migrations == []
    assert outcome.classes == ["short_term", "short_term"]


@pytest.mark.parametrize(("weeks", "present"), [(10, False), (40, False), (44, True), (47, True)])
def test_who_stated_an_arrival_and_has_few_weeks_has_left_again(weeks: int, present: bool) -> None:
    """From 10 May 2018 to 5 April 2019 are 47 weeks: with 44 of them, activity ends within 28 days of the last."""
    outcome = outcome_of([observed("worker_arrived", D(2018, 5, 10)), tax_year(2018, weeks)], group="EU")
    assert outcome.composite["end"].is_null().to_list() == [present]


# --- people who are only registered -------------------------------------------------------------------------------


def test_a_visitor_stays_on_the_list_and_is_no_immigrant() -> None:
    outcome = outcome_of([observed("nhs_first_from_abroad", D(2016, 6, 1)), *listed(2016, 2017, 2018, 2019)])
    assert outcome.migrations == []
    assert outcome.classes == ["short_term"]


def test_a_move_a_year_later_shows_that_a_newcomer_stayed() -> None:
    arrived, moved = observed("nhs_first_from_abroad", D(2016, 6, 1)), D(2017, 9, 1)
    evidence = [arrived, observed("nhs_moved", moved), observed("nhs_posted", moved), *listed(2016, 2017, 2018, 2019)]
    assert outcome_of(evidence).migrations == ["immigration 2016-06 certain"]


def test_a_student_leaves_after_the_course_though_listed() -> None:
    """Sixty days after 30 June 2017, the last day of the course."""
    evidence = [
        observed("student_from_abroad", D(2014, 9, 20)),
        observed("student_enrolled", D(2014, 9, 20), D(2017, 7, 1)),
        *listed(2015, 2016, 2017, 2018, 2019),
    ]
    outcome = outcome_of(evidence, born=D(1995, 1, 1))
    assert outcome.migrations == ["immigration 2014-09 certain", "emigration 2017-08 certain"]


def test_an_adult_who_gave_no_sign_for_decades_was_gone_long_before_the_removal() -> None:
    """From the birth in 1964 to the removal in 2016: half of that is taken."""
    evidence = [
        observed("nhs_posted", D(1964, 11, 16)),
        *listed(2014, 2015),
        observed("nhs_removed", D(2016, 3, 1)),
    ]
    outcome = outcome_of(evidence, born=D(1964, 11, 1), group="British")
    assert outcome.migrations == ["emigration 1990-07 certain"]


def test_a_list_does_not_tell_that_a_person_removed_soon_after_was_here() -> None:
    """Removed on 13 November 2016: the departure was 150 days before, though the list had the person on 31 July."""
    removed = observed("nhs_removed", D(2016, 11, 13))
    evidence = [observed("nhs_posted", D(2009, 5, 2)), *listed(2014, 2015, 2016), removed]
    outcome = outcome_of(evidence, born=D(2009, 5, 1), group="British")
    assert outcome.composite["end"].to_list() == [D(2016, 6, 16)]


def test_a_second_entry_on_the_list_ends_without_departure() -> None:
    """Everybody listed has been registered: an entry without registration is a second one of somebody."""
    assert outcome_of(listed(2014, 2015), born=D(1958, 10, 1), group="British").migrations == []


# --- families -----------------------------------------------------------------------------------------------------

CHILD = [observed("nhs_posted", D(2010, 5, 3)), *listed(*range(2014, 2020))]
MOTHER = [*(tax_year(year, 52) for year in range(2009, 2016)), tax_year(2016, 20)]


def test_a_child_leaves_with_the_mother() -> None:
    """Her 20 weeks in the tax year 2016/17 end on 23 August 2016."""
    child, mother = outcomes_of([CHILD, MOTHER], born=D(2010, 5, 1), group="British", families=[(1, 2)])
    assert mother.migrations == ["emigration 2016-08 certain"]
    assert child.migrations == ["emigration 2016-08 certain"]
    assert child.composite["end"].to_list() == [D(2016, 8, 23)]


def test_a_child_stays_with_the_other_parent() -> None:
    father = [tax_year(year, 52) for year in range(2009, 2019)]
    child, *_ = outcomes_of([CHILD, MOTHER, father], born=D(2010, 5, 1), group="British", families=[(1, 2), (1, 3)])
    assert child.migrations == []


def test_a_child_who_moves_within_the_country_has_not_left() -> None:
    moved = [observed("nhs_moved", D(2017, 2, 1)), observed("nhs_posted", D(2017, 2, 1))]
    child, _ = outcomes_of([[*CHILD, *moved], MOTHER], born=D(2010, 5, 1), group="British", families=[(1, 2)])
    assert child.migrations == []


def test_a_child_comes_back_with_the_mother() -> None:
    back = [*MOTHER, tax_year(2018, 30), observed("nhs_first_from_abroad", D(2018, 10, 1))]
    child, _ = outcomes_of([CHILD, back], born=D(2010, 5, 1), group="British", families=[(1, 2)])
    assert child.migrations[0] == "emigration 2016-08 certain"
    assert child.migrations[1].startswith("immigration 2018-09")


def test_a_child_whose_own_records_begin_again_on_the_day_of_the_return_has_one_stay() -> None:
    """The child has no spell by the border before 2018: the list, interrupted, goes on with it."""
    back = [*SETTLED, observed("border_out", D(2016, 5, 1)), observed("border_in", D(2018, 9, 20))]
    child = [*CHILD, observed("permission_to_stay", D(2018, 9, 1), D(2021, 9, 1), code="family"), back[-1]]
    one, _ = outcomes_of([child, back], born=D(2010, 5, 1), group="non_EU", families=[(1, 2)])
    assert one.composite["start"].to_list() == sorted(set(one.composite["start"]))
    assert one.migrations.count("immigration 2018-09 certain") == 1


def test_families_are_mothers_and_adults_of_one_name_at_one_address() -> None:
    """The first is a child of 2010 at postcode 9: its family are the second person, and the mother, elsewhere."""
    connection = connect(1)
    connection.register(
        "person_by_source",
        pl.DataFrame(
            {
                "person_id": range(1, 7),
                "birth_month": [D(year, 1, 1) for year in (2010, 1980, 1980, 1950, 2000, 1985)],
            }
        ),
    )
    connection.register(
        "member", pl.DataFrame({"source": ["pds"] * 6, "subject_id": range(11, 17), "person_id": range(1, 7)})
    )
    connection.register(
        "mothers",
        pl.DataFrame({"source": ["pds"], "subject_id": [11], "mother_source": ["pds"], "mother_subject_id": [16]}),
    )
    names = [1, 1, 2, 1, 1, 2]  # the third has another family name, the fourth is 60 years older, the fifth ten
    addresses = [[9], [9, 8], [9], [9], [9], [7]]
    connection.register(
        "tokens_pds",
        pl.DataFrame(
            {
                "subject_id": range(11, 17),
                "family_name": names,
                "postcode": [5, 6, 9, 9, 9, 7],
                "postcodes": addresses,
            }
        ),
    )
    household = default_rules().people.household
    assert household is not None
    make_family(connection, household, ("pds",))
    assert query(connection, "SELECT * FROM family ORDER BY ALL").rows() == [(1, 2), (1, 6), (2, 4), (5, 2)]


def test_whoever_has_no_source_of_nationality_has_that_of_most_of_the_family() -> None:
    """Of the adults two are EU nationals and one is British by a source; a fourth has none, and does not count."""
    connection = connect(1)
    groups = [None, "EU", "EU", "British", None]
    sources = [None, "mws", "hesa", "pds", None]
    person = pl.DataFrame({"person_id": range(1, 6), "nationality_group": groups, "nationality_source": sources})
    connection.register("person_by_source", person)
    connection.execute("CREATE TEMP TABLE family AS SELECT 1 AS person_id, unnest([2, 3, 4, 5]) AS adult_id")
    filled = filled_from_family(default_rules().people)
    found = query(
        connection, f"SELECT nationality_group, nationality_source FROM ({filled}) ORDER BY person_id"
    ).rows()
    assert found == [("EU", "family"), *zip(groups[1:], sources[1:], strict=True)]


def test_a_course_that_ends_after_the_last_known_weeks_has_not_ended_the_stay() -> None:
    """Weeks are known to 5 April 2019, the course lasts to 31 July: nobody can see yet whether the student left."""
    outcome = outcomes_of([student(2018), SOMEBODY_AT_WORK], group="EU")[0]
    assert (outcome.classes, outcome.ends) == (["unfinished"], ["open"])
    assert outcome.composite["branch"].to_list() == ["may_go_on"]


def test_a_course_that_ended_before_the_last_known_weeks_ended_the_stay() -> None:
    outcome = outcomes_of([student(2017), SOMEBODY_AT_WORK], group="EU")[0]
    assert (outcome.classes, outcome.ends) == (["unfinished"], ["last_activity"])


SOMEBODY_AT_WORK = [tax_year(year, 52) for year in range(2009, 2019)]


def student(year: int) -> list[dict]:
    """Return a student with a National Insurance number who came for a course of one year."""
    came = D(year, 9, 20)
    return [
        observed("worker_arrived", came),
        observed("student_from_abroad", came, code="study"),
        observed("student_enrolled", came, D(year + 1, 8, 1), code="study"),
    ]
