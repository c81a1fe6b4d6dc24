"""Causes of errors, each on one person whose true life and decided life are written out."""

from datetime import date

import polars as pl
import pytest

from rules.anatomy import anatomy, explained_cases, wrong_nationality, wrong_people
from rules.true_stays import true_stays
from rules.truth_comparison import compare_migrations, compare_residents

D = date
BORN = D(1980, 1, 1)
DAY = D(2017, 6, 30)


class Life:
    """One person: spells of true presence, stays that the run decided, and who is in which cluster."""

    def __init__(self, present, decided=(), members=((1, 1),), born=BORN, died=None, listed=None):
        self.people = pl.DataFrame(
            {"person": [1, 2], "birth_date": [born, BORN], "death_date": [died, None],
             "nationality_group": ["EU", "British"]},
            schema_overrides={"death_date": pl.Date, "birth_date": pl.Date},
        )  # fmt: skip
        self.members = pl.DataFrame(members, schema={"person": pl.Int64, "person_id": pl.Int64}, orient="row")
        self.true = true_stays(
            pl.DataFrame([(1, *spell) for spell in present],
                         schema={"person": pl.Int64, "start": pl.Date, "end": pl.Date}, orient="row"),
            self.people,
        )  # fmt: skip
        stays = [(1, "long_term", "eu", *stay) for stay in decided]
        self.decided = pl.DataFrame(
            stays,
            schema={"person_id": pl.Int64, "definition": pl.String, "stay_rule": pl.String, "start": pl.Date,
                    "end": pl.Date, "starts_by_arrival": pl.Boolean, "end_reason": pl.String, "status": pl.String},
            orient="row",
        )  # fmt: skip
        self.listed = listed

    def estimated(self, *moves):
        return pl.DataFrame(
            [(1, "eu", way, day, p) for way, day, p in moves],
            schema={"person_id": pl.Int64, "rule_id": pl.String, "direction": pl.String,
                    "date": pl.Date, "probability": pl.Float64},
            orient="row",
        ).with_columns(dated_by=pl.lit("seen"), provisional=pl.lit(value=False))  # fmt: skip

    def errors(self, *moves):
        """Return the anatomy of all years, where `moves` are the run's migrations (direction, date, probability)."""
        migrations = [("immigration", "arrives", "start"), ("emigration", "departs", "end")]
        truth = pl.concat(
            self.true.filter("long_term", happens).select("person", pl.lit(way).alias("direction"), date=pl.col(when))
            for way, happens, when in migrations
        )
        here = self.true.filter("long_term", pl.col("start") <= DAY, (pl.col("end") > DAY).fill_null(value=True))
        residents = pl.DataFrame(
            [(1, DAY, self.listed)] if self.listed else [],
            schema={"person_id": pl.Int64, "reference_date": pl.Date, "probability": pl.Float64},
            orient="row",
        )
        true_person = self.members.unique("person_id", keep="first", maintain_order=True)
        compared = pl.concat(
            [
                compare_migrations(self.estimated(*moves), true_person, truth),
                compare_residents(residents, true_person, here.select("person", reference_date=pl.lit(DAY))),
            ],
            how="diagonal",
        ).join(self.people.select("person", "nationality_group"), on="person", how="left")
        groups = pl.DataFrame({"person_id": [1, 2], "nationality_group": ["British", "British"]})
        self.compared, self.groups = compared, groups
        return anatomy(self.explained())

    def explained(self):
        return explained_cases(self.compared, self.compared, self.members, self.groups, self.decided, self.true)

    def causes(self, *moves):
        """Return (kind, cause, days off) of the migrations' errors; of residents', if the test lists them."""
        found = self.errors(*moves).filter(
            pl.col("measure") == "population" if self.listed is not None else pl.col("measure") != "population"
        )
        return [(row["measure"], row["kind"], row["cause"], row["days_off"]) for row in found.to_dicts()]


def stay(start, end=None, *, arrives=True, reason="departure", status="long_term"):
    return (start, end, arrives, reason if end else "open", status)


ARRIVED, LEFT = D(2016, 3, 1), D(2018, 3, 1)
HERE_FROM_2016 = [(ARRIVED, None)]
HERE_UNTIL_2018 = [(BORN, LEFT)]
MISSED_IN = ("immigration", "missed")
MISSED_OUT = ("emigration", "missed")
FALSE_IN = ("immigration", "false")
FALSE_OUT = ("emigration", "false")

MISSED = {
    "a person in no record": (HERE_FROM_2016, [], (), (*MISSED_IN, "no record anywhere", None)),
    "records in two clusters": (
        HERE_FROM_2016, [], ((1, 1), (1, 2)), (*MISSED_IN, "one person in two clusters", None),
    ),
    "records of another": (HERE_FROM_2016, [], ((1, 1), (2, 1)), (*MISSED_IN, "two in one", None)),
    "in the run, here before any record": (
        HERE_FROM_2016, [stay(D(2016, 9, 1), arrives=False)], ((1, 1),), (*MISSED_IN, "present all along", None),
    ),
    "in the run, arrived two years before": (
        HERE_FROM_2016, [stay(D(2014, 3, 1))], ((1, 1),), (*MISSED_IN, "arrived earlier", -731.0),
    ),
    "in the run, a visit": (
        HERE_FROM_2016, [stay(D(2016, 3, 5), D(2016, 9, 1), status="short_term")], ((1, 1),),
        (*MISSED_IN, "too short a stay", None),
    ),
    "in the run, left for good before": (
        HERE_FROM_2016, [stay(D(2010, 1, 1), D(2012, 1, 1))], ((1, 1),), (*MISSED_IN, "gone long before", None),
    ),
    "a record, but no stay": (HERE_FROM_2016, [], ((1, 1),), (*MISSED_IN, "other", None)),
    "in the run, never left": (
        HERE_UNTIL_2018, [stay(BORN, arrives=False)], ((1, 1),), (*MISSED_OUT, "present all along", None),
    ),
    "in the run, left three years before, served by nothing": (
        HERE_UNTIL_2018, [stay(BORN, D(2015, 3, 1), arrives=False)], ((1, 1),),
        (*MISSED_OUT, "gone long before", -1096.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSED)
def test_the_cause_of_a_missed_migration_is_what_the_run_says_on_the_true_date(name):
    present, decided, members, expected = MISSED[name]
    assert Life(present, decided, members).causes() == [expected]


LEAVES, COMES = ("emigration", D(2017, 1, 1)), ("immigration", D(2017, 1, 1))

FALSE = {
    "a cluster that is nobody": ([], ((9, 8),), LEAVES, (*FALSE_OUT, "no record anywhere", None)),
    "a second cluster": ([(BORN, None)], ((1, 1), (1, 2)), LEAVES,
                         (*FALSE_OUT, "one person in two clusters", None)),
    "another's records": ([(BORN, None)], ((1, 1), (2, 1)), LEAVES, (*FALSE_OUT, "two in one", None)),
    "never left": ([(BORN, None)], ((1, 1),), LEAVES, (*FALSE_OUT, "present all along", None)),
    "on holiday": ([(BORN, D(2017, 1, 1)), (D(2017, 2, 1), None)], ((1, 1),), LEAVES,
                   (*FALSE_OUT, "present all along", None)),
    "a visit ended": ([(D(2016, 9, 1), D(2017, 1, 1))], ((1, 1),), ("emigration", D(2017, 2, 1)),
                      (*FALSE_OUT, "too short a stay", None)),
    "a visit ended long ago": ([(D(2015, 9, 1), D(2016, 1, 1))], ((1, 1),), LEAVES,
                               (*FALSE_OUT, "gone long before", 366.0)),
    "never here": ([], ((1, 1),), LEAVES, (*FALSE_OUT, "gone long before", None)),
    "born here": ([(D(2016, 12, 1), None)], ((1, 1),), COMES,
                  (*FALSE_IN, "present all along", None)),
    "a visit": ([(D(2017, 1, 1), D(2017, 9, 1))], ((1, 1),), COMES,
                (*FALSE_IN, "too short a stay", None)),
    "gone, but for a visit": ([(BORN, D(2012, 1, 1)), (D(2017, 1, 1), D(2017, 2, 1))], ((1, 1),), COMES,
                              (*FALSE_IN, "too short a stay", None)),
    "gone, and no return": ([(BORN, D(2012, 1, 1))], ((1, 1),), COMES,
                            (*FALSE_IN, "gone long before", None)),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_the_cause_of_a_false_migration_is_what_the_truth_says_on_the_estimated_date(name):
    present, members, (way, day), expected = FALSE[name]
    born = present[0][0] if name == "born here" else BORN
    found = Life(present, [], members, born=born).causes((way, day, 1.0))
    assert [one for one in found if one[1] == "false"] == [expected]


def test_an_arrival_dated_a_year_late_is_false_and_leaves_the_true_one_missed():
    """On the estimated day the person had truly lived here for long; the run has the arrival 365 days off."""
    life = Life(HERE_FROM_2016, [stay(D(2017, 3, 1))])
    assert life.causes(("immigration", D(2017, 3, 1), 1.0)) == [
        (*MISSED_IN, "misdated", 365.0),
        (*FALSE_IN, "arrived earlier", 365.0),
    ]


def test_a_departure_dated_a_year_early_is_misdated_where_the_person_was_still_here():
    life = Life(HERE_UNTIL_2018, [stay(BORN, D(2017, 3, 1), arrives=False)])
    assert life.causes(("emigration", D(2017, 3, 1), 1.0)) == [
        (*FALSE_OUT, "misdated", -365.0),
        (*MISSED_OUT, "gone long before", -365.0),
    ]


def test_a_second_departure_before_the_one_that_serves_is_of_a_person_who_was_here_all_along():
    life = Life(HERE_UNTIL_2018, [stay(BORN, LEFT, arrives=False)])
    found = life.causes(("emigration", D(2016, 3, 1), 1.0), ("emigration", LEFT, 1.0))
    assert found == [(*FALSE_OUT, "present all along", None)]


def test_a_second_arrival_near_the_one_that_serves_has_another_cause():
    life = Life(HERE_FROM_2016, [stay(ARRIVED)])
    found = life.causes(("immigration", ARRIVED, 1.0), ("immigration", D(2016, 6, 1), 1.0))
    assert found == [(*FALSE_IN, "other", None)]


def test_a_second_departure_near_the_one_that_serves_has_another_cause():
    """The estimate of 1 April is nearer to the true departure than that of 1 January, when the person was here."""
    life = Life(HERE_UNTIL_2018, [stay(BORN, LEFT, arrives=False)])
    found = life.causes(("emigration", D(2018, 1, 1), 1.0), ("emigration", D(2018, 3, 20), 1.0))
    assert found == [(*FALSE_OUT, "other", None)]


def test_a_departure_after_a_death_is_not_that_of_somebody_gone():
    """Left in 2005, came back in 2008, died in 2012: the estimated departure of 2017 is of a dead person."""
    died = D(2012, 1, 1)
    life = Life([(BORN, D(2005, 1, 1)), (D(2008, 1, 1), died)], died=died)
    found = life.causes(("emigration", D(2005, 1, 1), 1.0), (*LEAVES, 1.0))
    assert [one for one in found if one[1] == "false"] == [(*FALSE_OUT, "other", None)]


def test_an_absence_that_is_not_yet_decided_leaves_a_part_missed():
    life = Life(HERE_UNTIL_2018, [stay(BORN, D(2018, 3, 11), arrives=False)])
    found = life.errors(("emigration", D(2018, 3, 11), 0.4)).filter(pl.col("measure") == "emigration")
    assert found.select("kind", "cause", "days_off", "people").rows() == [("missed", "too short a stay", 10.0, 0.6)]


def test_people_who_are_nobody_have_the_group_of_the_run():
    found = Life([], [], ((9, 8),)).errors((*LEAVES, 1.0))
    assert found["nationality_group"].to_list() == ["British"]


def test_what_is_found_in_part_is_misdated_in_part_and_undecided_for_the_rest():
    """Arrived in June, dated in July at 0.25: a quarter is in the wrong year, the rest not yet decided."""
    life = Life([(D(2016, 6, 11), None)], [stay(D(2016, 7, 11), status="unfinished")])
    found = life.errors(("immigration", D(2016, 7, 11), 0.25)).filter(pl.col("measure") == "immigration")
    assert found.select("period", "kind", "stay_rule", "nationality_group", "cause", "days_off", "people").rows() == [
        ("2015-07-01/2016-06-30", "misdated", "eu", "EU", "misdated", 30.0, 0.25),
        ("2015-07-01/2016-06-30", "missed", "eu", "EU", "too short a stay", 30.0, 0.75),
    ]


RESIDENTS = {
    "here by the stays, without a sign": (
        [(BORN, None)], [stay(BORN, arrives=False)], 0.0, ("missed", "present all along"),
    ),
    "left in the run two years before": (
        [(BORN, None)], [stay(BORN, D(2015, 6, 30), arrives=False)], 0.0, ("missed", "gone long before"),
    ),
    "left in the run in May": (
        [(BORN, None)], [stay(BORN, D(2017, 5, 30), arrives=False)], 0.0, ("missed", "misdated"),
    ),
    "arrives in the run a year later": (
        [(BORN, None)], [stay(D(2018, 6, 30))], 0.0, ("missed", "arrived earlier"),
    ),
    "arrives in the run in July": ([(BORN, None)], [stay(D(2017, 7, 30))], 0.0, ("missed", "misdated")),
    "a visit in the run": (
        [(BORN, None)], [stay(D(2017, 6, 1), D(2017, 8, 1), status="short_term")], 0.0,
        ("missed", "too short a stay"),
    ),
    "not yet decided": ([(D(2017, 1, 1), None)], [stay(D(2017, 1, 1), status="unfinished")], 0.75,
                        ("missed", "too short a stay")),
    "dead in the run": ([(BORN, None)], [stay(BORN, D(2014, 1, 1), arrives=False, reason="death")], 0.0,
                        ("missed", "other")),
    "no stay": ([(BORN, None)], [], 0.0, ("missed", "other")),
    "truly left in 2012": ([(BORN, D(2012, 1, 1))], [], 1.0, ("false", "gone long before")),
    "truly left in May": ([(BORN, D(2017, 5, 1))], [], 1.0, ("false", "misdated")),
    "truly arrives in July": ([(D(2017, 7, 5), None)], [], 1.0, ("false", "misdated")),
    "truly on a visit": ([(D(2017, 6, 1), D(2017, 8, 1))], [], 1.0, ("false", "too short a stay")),
}  # fmt: skip


@pytest.mark.parametrize("name", RESIDENTS)
def test_the_cause_of_a_missed_or_false_resident(name):
    present, decided, listed, expected = RESIDENTS[name]
    found = Life(present, decided, listed=listed).errors()
    found = found.filter(pl.col("measure") == "population").select("kind", "cause", "days_off", "period")
    assert found.rows() == [(*expected, None, "2017-06-30")]


def test_a_resident_who_died_unknown_to_the_run_has_another_cause():
    life = Life([(BORN, D(2016, 1, 1))], [], died=D(2016, 1, 1), listed=1.0)
    assert life.causes() == [("population", "false", "other", None)]


def test_people_in_a_wrong_group_change_no_total():
    """The EU national is found at 0.75 as British."""
    life = Life([(BORN, None)], [stay(BORN, arrives=False)], listed=0.75)
    assert life.errors()["people"].to_list() == [0.25]
    assert wrong_nationality(life.compared, life.groups).rows() == [
        ("population", "2017-06-30", "EU", "British", 0.75, 0.75)
    ]
    right = life.groups.with_columns(nationality_group=pl.lit("EU"))
    assert wrong_nationality(life.compared, right).is_empty()


def test_without_an_error_there_is_no_row():
    life = Life([(BORN, None)], [stay(BORN, arrives=False)], listed=1.0)
    assert life.errors().is_empty()


def test_one_wrong_person_stands_for_each_cause():
    """Two years of one life are wrong for one cause each; a certain error is an example before a likely one."""
    life = Life([(BORN, None)], [stay(BORN, arrives=False)])
    moves = [(D(2016, 8, 1), 0.4), (D(2016, 9, 1), 1.0), (D(2014, 9, 1), 1.0)]
    life.errors(*(("emigration", day, probability) for day, probability in moves))
    explained = life.explained().filter(pl.col("measure") == "emigration")
    assert explained["cause"].to_list() == ["present all along"] * 3
    (example,) = wrong_people(explained).to_dicts()
    assert (example["errors"], example["people"], example["day"]) == (2.4, 1.0, D(2016, 9, 1))
    assert (example["period"], example["person"], example["person_id"]) == ("2016-07-01/2017-06-30", 1, 1)
