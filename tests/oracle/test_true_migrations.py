"""True migrations under every definition, by the kernels on true presence, against the oracle of the simulator."""

from datetime import date, timedelta
from functools import cache

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.contracts import read_contracts
from rules.rule_file import SETS
from rules.rule_set import read_rules
from rules.true_migrations import true_migrations
from synthetic_data.truth.definitions import statuses
from synthetic_data.truth.life import Life
from tests.oracle.test_rule_true_stays import BEGIN, HORIZON, lives

MIGRATIONS = {
    "long_term": "long_term", "first_to_last": "long_term", "by_group": "long_term", "registration": "long_term",
    "continuous_12": "twelve_months", "days_in_window_12_16": "days_365_of_487",
}  # fmt: skip
"""Definitions of the rule set, and of the oracle."""
VISITS = {"short_term_1_12": "short_term_1_to_12", "short_term_3_12": "short_term_3_to_12"}


@cache
def rules():
    return read_rules(SETS / "definitions_2019.toml", read_contracts()).people


@given(st.lists(lives(), min_size=1, max_size=12))
@settings(max_examples=8, deadline=None)
def test_every_definition_on_true_presence_is_that_of_the_oracle(people):
    # who is born here and travels in the first year is another matter
    people = [
        (birth if (spells[0][1] or HORIZON) - birth > timedelta(366) else date(1980, 1, 1), death, spells)
        for birth, death, spells in people
    ]
    presence = pl.DataFrame(
        [(person, start, end) for person, (*_, spells) in enumerate(people) for start, end in spells],
        schema={"person": pl.Int64, "start": pl.Date, "end": pl.Date},
        orient="row",
    )
    known = pl.DataFrame(
        [(person, birth, death, None) for person, (birth, death, _) in enumerate(people)],
        schema={"person": pl.Int64, "birth_date": pl.Date, "death_date": pl.Date, "reason": pl.String},
        orient="row",
    )
    names = [*MIGRATIONS, *VISITS, "circular"]
    found = true_migrations(rules(), names, presence, known, BEGIN, HORIZON)
    oracle = [
        (person, one)
        for person, (birth, death, spells) in enumerate(people)
        for one in statuses(Life(spells, birth, death, BEGIN, HORIZON))
    ]
    for name, theirs in MIGRATIONS.items():
        expected = sorted((person, one.date, one.kind) for person, one in oracle if one.definition == theirs)
        assert sorted(found.filter(definition=name).drop("definition").rows()) == expected, name
    for name, theirs in VISITS.items():
        visits = sorted(
            (person, day, way)
            for person, one in oracle
            if one.definition == theirs
            for day, way in (
                (one.date, "immigration"), (one.date + timedelta(one.days), "emigration"),
            )
        )  # fmt: skip
        assert sorted(found.filter(definition=name).drop("definition").rows()) == visits, name
    first = found.filter(definition="circular").group_by("person").agg(pl.col("date").min())
    assert sorted(first.rows()) == sorted(
        (person, one.date) for person, one in oracle if one.definition == "circular"
    )
