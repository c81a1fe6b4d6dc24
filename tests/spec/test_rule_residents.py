"""Residents on 30 June, and the sign or exclusion that decides: the default rules on one person's evidence."""

import datetime as dt
from pathlib import Path

import pytest
from rule_timelines import DEFAULT, observed, outcome_of, outcomes_of, tax_year

from pipeline.ingest.contracts import read_contracts
from rules.model import RuleSet
from rules.rule_set import read_rules

D = dt.date


SETTLED = observed("permission_to_stay", D(2014, 1, 1), code="settlement")


def listed(*years: int) -> list[dict]:
    return [observed("nhs_listed", D(year, 7, 31)) for year in years]


def worked(*years: int) -> list[dict]:
    return [tax_year(year, 52) for year in years]


@pytest.mark.parametrize(
    ("evidence", "sign"),
    [
        (worked(*range(2009, 2019)), "worked_or_claimed"),
        ([observed("student_enrolled", D(2016, 9, 20), D(2017, 6, 20))], "studied"),
        ([observed("nhs_posted", D(2016, 7, 1))], "registered_with_nhs"),
        ([observed("birth_registered", D(2017, 5, 1))], "born_in_the_year"),
        (
            [SETTLED, observed("border_out", D(2016, 8, 1)), observed("border_in", D(2016, 8, 20))],
            "crossed_the_border",
        ),
        (listed(2016, 2017), "listed_without_activity"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_sign_in_the_year_before_is_enough(evidence: list[dict], sign: str) -> None:
    outcome = outcome_of(
        [*evidence, *listed(2017, 2018, 2019)],
        born={"born_in_the_year": D(2017, 5, 1), "listed_without_activity": D(2003, 5, 1)}.get(sign, D(1985, 5, 1)),
    )
    assert outcome.residents[2017]
    assert outcome.decided_by[2017] == sign


def test_weeks_are_a_sign_in_the_year_in_which_their_tax_year_ends() -> None:
    """The year to 5 April 2017 counts for June 2017, not for June 2016, though it began before."""
    outcome = outcome_of([*worked(2016, 2017, 2018), *listed(2014, 2015, 2016, 2017, 2018, 2019)], born=D(1999, 5, 1))
    assert outcome.decided_by[2017] == "worked_or_claimed"
    assert outcome.decided_by[2016] == "listed_without_activity"


def test_being_listed_is_no_sign_for_people_who_have_worked() -> None:
    """List inflation: the list alone is no evidence of residence once tax and benefit activity has ended."""
    outcome = outcome_of([*worked(*range(2009, 2016)), *listed(*range(2010, 2020))])
    assert outcome.residents[2015]
    assert outcome.residents[2016] is False
    assert (outcome.residents[2018], outcome.decided_by[2018]) == (False, "left_for_long")


def test_a_grown_up_who_is_only_listed_is_a_doubtful_candidate_and_no_resident() -> None:
    """Most such people have left: how many are here is for a calibration to say. Any sign is better than this one."""
    only_listed = outcome_of(listed(*range(2014, 2020)), born=D(1980, 5, 1))
    assert (only_listed.residents[2017], only_listed.decided_by[2017]) == (False, "listed")
    working = outcome_of([*worked(*range(2009, 2019)), *listed(*range(2014, 2020))], born=D(1980, 5, 1))
    assert (working.residents[2017], working.decided_by[2017]) == (True, "worked_or_claimed")


@pytest.mark.parametrize(("born", "counts"), [(D(1999, 8, 1), True), (D(1999, 6, 1), False), (D(1980, 1, 1), False)])
def test_being_listed_alone_is_a_sign_for_children_only(born: dt.date, counts: bool) -> None:
    """Below 18 on 30 June 2017; older people who are on a list and nowhere else have mostly left."""
    outcome = outcome_of(listed(*range(2012, 2020)), born=born)
    assert outcome.residents.get(2017, False) is counts


def test_a_departure_for_good_takes_precedence_over_signs() -> None:
    outcome = outcome_of([*worked(*range(2009, 2016)), tax_year(2016, 20), *listed(*range(2010, 2018))])
    assert outcome.migrations == ["emigration 2016-08 certain"]
    assert outcome.decided_by[2017] == "left_for_long"


def test_nobody_is_a_resident_before_arriving() -> None:
    outcome = outcome_of(
        [
            observed("border_in", D(2017, 7, 2)),
            observed("permission_to_stay", D(2017, 6, 1), D(2019, 6, 1), code="work"),
            observed("nhs_posted", D(2017, 6, 20)),
            observed("nhs_posted", D(2019, 1, 10)),
        ],
        group="non_EU",
    )
    assert outcome.residents == {2017: False, 2018: True, 2019: False}
    assert outcome.decided_by[2017] == "left_for_long"


def test_an_unfinished_stay_counts_when_it_is_at_least_as_likely_as_not() -> None:
    """Two in three of those who came at that time of the year before stayed; then one in four."""

    def came(year: int, *, leaves: bool) -> list[dict]:
        start = D(year, 6, 1)
        evidence = [
            observed("permission_to_stay", start, D(year + 3, 6, 1), code="work"),
            observed("border_in", start),
        ]
        return [*evidence, observed("border_out", D(year + 1, 1, 15))] if leaves else evidence

    for stayed, left, resident in ((40, 20, True), (20, 60, False)):
        people = [came(2019, leaves=False)]
        people += [came(2018, leaves=False)] * stayed + [came(2018, leaves=True)] * left
        outcome = outcomes_of(people, group="non_EU")[0]
        assert outcome.composite["probability"].to_list() == pytest.approx([stayed / (stayed + left)], abs=1e-6)
        assert outcome.residents[2019] is resident
        assert outcome.decided_by[2019] == ("crossed_the_border" if resident else "unlikely_to_stay")


def test_a_permission_is_a_right_to_be_here_and_no_sign_of_being_here() -> None:
    """Settled since 2014, registered in 2016, then no sign of life: not counted, and not on the trimmed list.

    A crossing counts in its year, and not in all later ones.
    """
    gone = [SETTLED, observed("nhs_posted", D(2016, 2, 1))]
    back = [*gone, observed("border_out", D(2017, 8, 1)), observed("border_in", D(2017, 8, 20))]
    one, other = outcomes_of([gone, back], group="non_EU")
    assert one.residents == {2016: True}
    assert one.trimmed == {2016: False}
    assert other.residents == {2016: True, 2018: True}
    assert other.trimmed == {2016: False, 2018: False}
    assert other.decided_by[2018] == "crossed_the_border"


def test_strong_requires_a_sign_on_either_side() -> None:
    both = [*worked(2015, 2016, 2017, 2018), *listed(2016, 2017)]
    only_before = [observed("nhs_posted", D(2017, 5, 1))]
    one, other = outcomes_of([both, only_before])
    assert one.trimmed[2017] is True
    assert other.residents[2017] is True
    assert other.trimmed[2017] is False


def enrolled(*years: int) -> list[dict]:
    return [observed("student_enrolled", D(year, 9, 20), D(year + 1, 6, 20)) for year in years]


def moved(*days: dt.date) -> list[dict]:
    return [observed("nhs_posted", day) for day in days]


@pytest.mark.parametrize(
    ("evidence", "depth"),
    [
        (moved(D(2017, 5, 1)), 0),
        (moved(D(2017, 5, 1), D(2017, 9, 1)), 1),
        (worked(2016, 2017), 1),
        ([*worked(2016, 2017), *moved(D(2017, 5, 1))], 2),
        ([*worked(2016, 2017), *moved(D(2017, 9, 1))], 2),
        ([*worked(2016), *enrolled(2017)], 2),
        ([*worked(2016, 2017), *moved(D(2017, 5, 1), D(2017, 9, 1))], 3),
        ([*worked(2016, 2017), *enrolled(2016), *moved(D(2018, 5, 1))], 3),
        ([*worked(2016, 2017), *moved(D(2016, 6, 1), D(2018, 7, 1))], 1),
    ],
)
def test_the_depth_of_trimming_is_by_kinds_of_sources_on_either_side(evidence: list[dict], depth: int) -> None:
    """Of 30 June 2017, within twelve months on either side; a tax year counts by its last day."""
    outcome = outcome_of(evidence)
    assert outcome.depth[2017] == depth
    assert outcome.trimmed[2017] == (depth > 0)


def test_who_is_no_resident_is_on_no_trimmed_list() -> None:
    outcome = outcome_of([*worked(2016, 2017), *moved(D(2017, 5, 1), D(2017, 9, 1))], died=D(2017, 6, 1))
    assert (outcome.residents[2017], outcome.depth[2017]) == (False, 0)


def test_every_family_says_how_deep_its_residents_are() -> None:
    everything = [*worked(*range(2009, 2019)), *moved(D(2017, 5, 1), D(2017, 9, 1)), *listed(2016, 2017)]
    found = outcome_of(everything).all_residents.filter(reference_date=D(2017, 6, 30))
    assert dict(found.select("family", "trimming_depth").iter_rows()) == {
        "activity_window": 3, "two_families": 3, "by_age": 3, "residency_index": 3,
    }  # fmt: skip


def changed(folder: Path, old: str, new: str) -> RuleSet:
    text = DEFAULT.read_text()
    assert old in text
    path = folder / "changed.toml"
    path.write_text(text.replace(old, new, 1))
    return read_rules(path, read_contracts())


def test_a_window_is_a_rule(tmp_path: Path) -> None:
    """A sign that reaches back three years makes residents of people who reported a move three years ago."""
    longer = changed(
        tmp_path, 'value = 12\nunit = "months"\nrange = [6, 24]', 'value = 36\nunit = "months"\nrange = [6, 36]'
    )
    evidence = [observed("nhs_posted", D(2015, 1, 10))]
    assert outcome_of(evidence).residents == {2015: True}
    assert outcome_of(evidence, rule_set=longer).residents == {2015: True, 2016: True, 2017: True}


def test_two_families_can_be_required(tmp_path: Path) -> None:
    stricter = changed(tmp_path, 'published_family = "activity_window"', 'published_family = "two_families"')
    only_work = worked(*range(2009, 2019))
    both = [*only_work, observed("nhs_moved", D(2016, 9, 1)), observed("nhs_posted", D(2016, 9, 1))]
    assert outcome_of(only_work, rule_set=stricter).residents == {}
    assert outcome_of(both, rule_set=stricter).residents == {2017: True}


def test_a_child_born_after_the_date_is_no_resident_of_it() -> None:
    """The Patient Register of 31 July includes children born in July."""
    july, june = (
        outcome_of(listed(2017, 2018), born=D(2017, 7, 1)),
        outcome_of(listed(2017, 2018), born=D(2017, 6, 1)),
    )
    assert not july.residents.get(2017, False)
    assert june.residents[2017]
    assert july.residents[2018]


def test_an_exclusion_is_a_rule(tmp_path: Path) -> None:
    """Without the exclusion of short stays a summer visitor is a resident."""
    visit = [observed("border_in", D(2017, 5, 20)), observed("border_out", D(2017, 8, 1))]
    without = changed(
        tmp_path,
        'unless = ["dead", "left_for_long", "too_short_a_stay", ',
        'unless = ["dead", "left_for_long", ',
    )
    assert outcome_of(visit, group="non_EU").residents[2017] is False
    assert outcome_of(visit, group="non_EU", rule_set=without).residents[2017] is True


def test_expected_residents_are_a_sum_of_probabilities() -> None:
    """Three in four of those who came in June of the year before stayed; nobody knows yet of this year's."""

    def came(year: int, *, leaves: bool = False) -> list[dict]:
        start = D(year, 6, 1)
        evidence = [
            observed("permission_to_stay", start, D(year + 3, 6, 1), code="work"),
            observed("border_in", start),
        ]
        return [*evidence, observed("border_out", D(year + 1, 1, 15))] if leaves else evidence

    settled = [SETTLED, observed("border_out", D(2018, 8, 1)), observed("border_in", D(2018, 8, 20))]
    visitor = [observed("border_in", D(2017, 5, 20)), observed("border_out", D(2017, 8, 1))]
    people = [came(2019), settled, visitor, *[came(2018)] * 30, *[came(2018, leaves=True)] * 10]
    new, old, short, *_ = outcomes_of(people, group="non_EU")
    assert new.probable[2019] == 0.75
    assert old.probable[2019] == 1.0
    assert short.probable[2017] == 0.0
