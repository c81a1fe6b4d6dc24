"""The truth under a definition, by hand: a few lives, and what each definition of the set counts of them."""

import datetime as dt
from functools import cache

import polars as pl
import pytest

from flows.definition_scores import score_definitions
from pipeline.ingest.contracts import read_contracts
from rules.parameters import with_values
from rules.rule_file import SETS
from rules.rule_set import read_rules
from rules.true_migrations import true_crossings, true_migrations

D = dt.date
BEGIN, HORIZON = D(2010, 1, 1), D(2021, 1, 1)
VISITOR, STUDENT, MOVER, BABY, DEAD = 1, 2, 3, 4, 5
PRESENCE = pl.DataFrame(
    [
        (VISITOR, D(2016, 3, 1), D(2016, 4, 15)),  # six weeks for its own sake
        (VISITOR, D(2018, 3, 1), D(2018, 8, 1)),  # and five months
        (STUDENT, D(2016, 9, 20), D(2016, 12, 15)),
        (STUDENT, D(2017, 1, 10), D(2017, 6, 20)),  # nine months in all: no residence
        (MOVER, D(2011, 1, 1), D(2012, 6, 1)),
        (MOVER, D(2014, 1, 1), D(2015, 6, 1)),
        (BABY, D(2016, 5, 5), D(2016, 9, 5)),
        (DEAD, D(2016, 5, 5), D(2016, 9, 5)),
    ],
    schema={"person": pl.Int64, "start": pl.Date, "end": pl.Date},
    orient="row",
)
PEOPLE = pl.DataFrame(
    [
        (VISITOR, D(1990, 1, 1), None, "visit"),
        (STUDENT, D(1996, 1, 1), None, "study"),
        (MOVER, D(1985, 1, 1), None, "work"),
        (BABY, D(2016, 5, 5), None, None),
        (DEAD, D(1940, 1, 1), D(2016, 9, 5), "visit"),
    ],
    schema={"person": pl.Int64, "birth_date": pl.Date, "death_date": pl.Date, "reason": pl.String},
    orient="row",
)


@cache
def rules():
    return read_rules(SETS / "definitions_2019.toml", read_contracts()).people


def found(definition: str, people=None) -> list[tuple]:
    table = true_migrations(people or rules(), [definition], PRESENCE, PEOPLE, BEGIN, HORIZON)
    assert (table["definition"] == definition).all()
    return sorted(table.select("person", "date", "direction").rows())


def both(person: int, start: dt.date, end: dt.date) -> list[tuple]:
    return [(person, start, "immigration"), (person, end, "emigration")]


SHORT = both(VISITOR, D(2016, 3, 1), D(2016, 4, 15))
LONGER = both(VISITOR, D(2018, 3, 1), D(2018, 8, 1))
TERM = both(STUDENT, D(2017, 1, 10), D(2017, 6, 20))
AUTUMN = both(STUDENT, D(2016, 9, 20), D(2016, 12, 15))
MOVES = [*both(MOVER, D(2011, 1, 1), D(2012, 6, 1)), *both(MOVER, D(2014, 1, 1), D(2015, 6, 1))]


@pytest.mark.parametrize(
    ("definition", "counted"),
    [
        ("short_term_1_12", [*SHORT, *LONGER, *AUTUMN, *TERM]),
        ("short_term_3_12", [*LONGER, *TERM]),  # the first term lasts less than three months
        ("short_term_un", TERM),  # a visit for its own sake does not count
        ("circular", MOVES[2:]),  # the third and the fourth change of residence within ten years
        ("continuous_12", MOVES),
        ("days_in_window_12_16", MOVES),
        ("days_in_window_9_12", MOVES),
        ("long_term", MOVES),
        ("weeks_of_activity", MOVES),
        ("first_to_last", MOVES),
        ("by_group", MOVES),
    ],
)
def test_what_a_definition_counts(definition, counted) -> None:
    """Neither a birth nor a death is a migration, nor is a visit that begins or ends by one."""
    assert found(definition) == sorted(counted)


def test_the_truth_has_the_values_of_the_rules() -> None:
    """With a limit of 182 days the student's nine months are residence, and no visit."""
    shorter = with_values(rules(), {"long_term_days": 182})
    residence = both(STUDENT, D(2016, 9, 20), D(2017, 6, 20))
    assert found("long_term", shorter) == sorted([*MOVES, *residence])
    assert found("short_term_3_12", shorter) == LONGER


def test_a_later_value_holds_from_its_day() -> None:
    days = rules().spell_rules[0].more_than_days
    longer = days.model_copy(update={"later": {D(2013, 1, 1): 600}})
    stays = tuple(
        one.model_copy(update={"more_than_days": longer}) if one is rules().spell_rules[0] else one
        for one in rules().stays
    )
    changed = rules().model_copy(update={"stays": stays})
    assert found(rules().spell_rules[0].id, changed) == MOVES[:2]


def test_a_definition_is_scored_beside_its_own_truth() -> None:
    """The longer visit is found at four tenths, a term missed; visits of nobody and of who was away are false."""
    who = pl.DataFrame({"source": ["pds"] * 3, "subject_id": [1, 2, 3], "person": [VISITOR, STUDENT, MOVER]})
    clusters = who.select("source", "subject_id", draw=pl.lit(0), person_id=10 * pl.col("subject_id"))
    nobody = pl.DataFrame({"source": "pds", "subject_id": [4], "draw": [0], "person_id": [40]}, clusters.schema)
    estimated = [(10, D(2018, 3, 3), 0.4), (30, D(2018, 5, 1), 1.0), (40, D(2018, 5, 1), 0.5)]
    migrations = pl.DataFrame(estimated, ["person_id", "date", "probability"], orient="row").select(
        "person_id", "date", "probability", definition=pl.lit("short_term_3_12"), direction=pl.lit("immigration"),
        rule_id=pl.lit("short_term_3_12"), dated_by=pl.lit("border_in"), provisional=pl.lit(value=False),
    )  # fmt: skip
    late = migrations.clear().with_columns(factor=pl.lit(1.0))
    groups = pl.Series(["non_EU", "non_EU", "EU", "British", "British"])
    people = PEOPLE.drop("reason").with_columns(nationality_group=groups, migrant_group=pl.lit("non_eu_visitors"))
    scored = score_definitions(
        {
            "clusters": pl.concat([clusters, nobody]), "stays": migrations.select("definition"),
            "migrations": migrations, "late_migrations": late,
        },
        {"people": people, "presence": PRESENCE}, who, rules(), pl.Series([D(2017, 6, 30), D(2018, 6, 30)]),
    )  # fmt: skip
    amounts = ("true", "estimated", "hits", "misdated", "misses", "false")
    arrived = scored.filter(measure="immigration").select("nationality_group", pl.col("time").dt.year(), *amounts)
    assert arrived.rows() == [
        ("all", 2017, 1, 0.0, 0.0, 0.0, 1.0, 0.0),
        ("all", 2018, 1, 1.9, 0.4, 0.0, 0.6, 1.5),
        ("EU", 2018, 0, 1.0, 0.0, 0.0, 0.0, 1.0),
        ("nobody", 2018, 0, 0.5, 0.0, 0.0, 0.0, 0.5),
        ("non_EU", 2017, 1, 0.0, 0.0, 0.0, 1.0, 0.0),
        ("non_EU", 2018, 1, 0.4, 0.4, 0.0, 0.6, 0.0),
    ]


def test_crossings_of_one_day_cancel_out() -> None:
    """Out and back on one day leaves no trace, as on record."""
    presence = pl.DataFrame({"person": [1, 1], "start": [D(2015, 1, 1), D(2015, 3, 1)], "end": [D(2015, 3, 1), None]})
    assert true_crossings(presence, PEOPLE)["day"].to_list() == [D(2015, 1, 1)]
