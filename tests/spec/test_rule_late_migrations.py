"""Migrations that will become known after the data date, by hand: as many as became known in the year before it.

The data date is 31 December 2019, the day of a year before 31 December 2018.
"""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from rule_timelines import DATA_DATE, DEFAULT, default_rules, observed, outcomes_of

from pipeline.ingest.contracts import read_contracts
from rules.rule_set import read_rules
from rules.timelines import TimelinePerson, decide

D = dt.date
REPORTED = D(2019, 5, 1)


def left(*crossings: dt.date) -> list[dict]:
    """Worked here since 2012, and crossed the border on some days: outwards, inwards and so on."""
    rules = ("border_out", "border_in")
    return [
        observed("permission_to_stay", D(2012, 1, 1), D(2022, 1, 1), code="work"),
        observed("border_in", D(2012, 1, 1)),
        *(observed(rules[number % 2], day) for number, day in enumerate(crossings)),
    ]


def late(*crossings: dt.date) -> list[dict]:
    """The same, the last crossing reported after 31 December 2018."""
    known = left(*crossings)
    return [*known[:-1], {**known[-1], "known_on": REPORTED}]


def expected(*people: list[dict], changes: tuple[str, str] = ("", ""), folder: Path | None = None) -> pl.DataFrame:
    """Return the late migrations of all people: `date, years_later, factor` with their number and probability."""
    rule_set = None
    if folder is not None:
        (folder / "changed.toml").write_text(DEFAULT.read_text().replace(*changes))
        rule_set = read_rules(folder / "changed.toml", read_contracts())
    found = outcomes_of(people, group="non_EU", rule_set=rule_set)
    rows = pl.concat([one.late for one in found])
    return rows.group_by("direction", "date", "years_later", "factor").agg(
        cases=pl.len(), probability=pl.col("probability").sum()
    ).sort("date", "factor")  # fmt: skip


def rows_of(found: pl.DataFrame) -> list[tuple]:
    return found.select("direction", "date", "years_later", "factor", "cases", "probability").rows()


def test_what_became_known_late_last_year_is_expected_this_year() -> None:
    """Of fifty who left in March 2018, ten were reported a year late: so will ten be who left in March 2019."""
    at_once = [left(D(2018, 3, 1)) for _ in range(40)]
    reported_late = [late(D(2018, 3, 1)) for _ in range(10)]
    this_year = [left(D(2019, 3, 1)) for _ in range(40)]
    found = rows_of(expected(*at_once, *reported_late, *this_year))
    assert found == [("emigration", D(2019, 3, 1), 1, 1.0, 10, 10.0)]


def test_they_grow_as_known_cases_do_drawn_towards_no_growth() -> None:
    """Known of this year are 80, of last year 40 were known then: (80 + 200) / (40 + 200) as many."""
    at_once = [left(D(2018, 3, 1)) for _ in range(40)]
    this_year = [left(D(2019, 3, 1)) for _ in range(80)]
    found = rows_of(expected(*at_once, late(D(2018, 3, 1)), *this_year))
    assert found == [("emigration", D(2019, 3, 1), 1, round(280 / 240, 6), 1, 1.0)]


def test_a_group_grows_as_its_own_cases_do_drawn_towards_all() -> None:
    """Of EU nationals 40 are known as last year, of others 80 for 40: of all (120 + 200) / (80 + 200) as many.

    If both grew by half as all do, each would have 60: they have (40 + 200) / (60 + 200) and (80 + 200) / (60 + 200)
    of that.
    """
    of_all = 320 / 280
    known = [left(D(2018, 3, 1))] * 40
    eu = [*known, late(D(2018, 3, 1)), *[left(D(2019, 3, 1))] * 40]
    others = [*known, late(D(2018, 3, 1)), *[left(D(2019, 3, 1))] * 80]
    people = [TimelinePerson(one, group=group) for group, own in (("EU", eu), ("non_EU", others)) for one in own]
    rules = default_rules()
    found = decide(people, rules, DATA_DATE, [2019]).late_migrations.filter(definition=rules.people.published)
    assert found.sort("person_id")["factor"].to_list() == pytest.approx(
        [of_all * 240 / 260, of_all * 280 / 260], abs=1e-6
    )


def test_what_became_known_in_its_second_year_is_expected_of_both_years() -> None:
    """A departure of 2017 that was reported in 2019 stands for one of 2018, and in two years one of 2019."""
    found = rows_of(expected(late(D(2017, 9, 1))))
    assert found == [
        ("emigration", D(2018, 9, 1), 1, 1.0, 1, 1.0),
        ("emigration", D(2019, 9, 1), 2, 1.0, 1, 1.0),
    ]


def test_what_was_withdrawn_is_taken_off() -> None:
    """Away since September 2017, and so certain a year ago; a return in December was reported in 2019."""
    withdrawn = late(D(2017, 9, 1), D(2017, 12, 1))
    found = expected(*[late(D(2017, 9, 1))] * 4, withdrawn)
    assert found["factor"].to_list() == [0.75, 0.75]
    assert expected(late(D(2017, 9, 1)), withdrawn, withdrawn)["factor"].to_list() == [0.0, 0.0]


def test_late_migrations_are_expected_of_the_last_years_alone(tmp_path: Path) -> None:
    """With one year, a report in the second year is too old to come again."""
    one_year = ('value = 2\nunit = "years"\nrange = [1, 5]', 'value = 1\nunit = "years"\nrange = [1, 5]')
    assert rows_of(expected(late(D(2017, 9, 1)), changes=one_year, folder=tmp_path)) == []
    assert len(expected(late(D(2018, 9, 1)), changes=one_year, folder=tmp_path)) == 1


def test_a_rule_set_can_leave_them_out(tmp_path: Path) -> None:
    without = ("count_late = true", "count_late = false")
    assert rows_of(expected(late(D(2018, 3, 1)), changes=without, folder=tmp_path)) == []


def test_a_case_that_is_dated_anew_by_little_is_not_late() -> None:
    """The departure of March was reported anew in 2019, ten days later in the month: it was known all along."""
    evidence = [*left(D(2018, 3, 1)), {**observed("border_out", D(2018, 3, 11)), "known_on": REPORTED}]
    assert rows_of(expected(evidence)) == []
