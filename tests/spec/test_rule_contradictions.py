"""Seen to leave and then inside: what became of others tells how likely the person is here."""

from datetime import date

from rule_timelines import observed, outcomes_of, tax_year

D = date


def seen_after_departure(*later: dict) -> list[dict]:
    """A worker of 2012 who leaves in June 2016, and notifies the NHS of a move in February 2017."""
    return [
        observed("border_in", D(2012, 5, 1)),
        observed("permission_to_stay", D(2012, 5, 1), code="settlement"),
        *(tax_year(year, 52) for year in range(2012, 2016)),
        observed("border_out", D(2016, 6, 1)),
        observed("nhs_moved", D(2017, 2, 1)),
        observed("nhs_posted", D(2017, 2, 1)),
        *later,
    ]


LEFT_AGAIN = [observed("border_out", D(2018, 5, 1))]
ARRIVED = [observed("border_in", D(2018, 5, 1))]


def test_people_seen_inside_after_a_departure_are_in_conflict_with_the_share_of_those_who_had_come_back() -> None:
    """Of five of whom a later crossing tells, four had come back: (4 + 10 x 0.8) / (5 + 10) = 0.8."""
    others = [seen_after_departure(*LEFT_AGAIN)] * 4 + [seen_after_departure(*ARRIVED)]
    one, *_ = outcomes_of([seen_after_departure(), *others], group="non_EU")
    assert one.migrations == ["immigration 2012-05 certain", "emigration 2016-06 conflict"]
    assert one.composite["status"].to_list() == ["conflict"]
    assert one.probabilities == [1.0, 0.2]
    by_year = dict(one.resident_rows.filter("published").select("reference_date", "probability").iter_rows())
    assert by_year[D(2016, 6, 30)] == 0.8
    assert by_year[D(2017, 6, 30)] == 0.8


def test_without_any_case_that_is_resolved_either_is_as_likely() -> None:
    one, *_ = outcomes_of([seen_after_departure()], group="non_EU")
    assert one.probabilities == [1.0, 0.5]


def test_a_departure_after_which_nobody_is_seen_is_no_conflict() -> None:
    gone = seen_after_departure()[:-2]
    one, *_ = outcomes_of([gone], group="non_EU")
    assert one.migrations == ["immigration 2012-05 certain", "emigration 2016-06 certain"]
    assert one.composite["status"].to_list() == ["long_term"]


def test_a_stay_of_which_a_crossing_tells_is_no_conflict() -> None:
    """Who leaves again had come back; who arrives had been abroad. Nor is it by another definition."""
    back, abroad, doubtful = outcomes_of(
        [seen_after_departure(*LEFT_AGAIN), seen_after_departure(*ARRIVED), seen_after_departure()], group="non_EU"
    )
    for one in (back, abroad):
        assert "conflict" not in one.stays["status"].to_list()
    assert doubtful.stays.filter(status="conflict")["definition"].to_list() == ["long_term"]
