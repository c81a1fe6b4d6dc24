"""True migrations under every definition of a rule set: the definition applied to true presence, not to records.

A definition over crossings of the border is asked about all crossings that truly happened, by the same kernel and
with the same values as about those on record. The other definitions of residence (the composite, rules that make
spells, methods by group, chains of permissions) differ in the records that they read, not in what they look for:
stays of more than so many days, joined over absences of at most so many. These are found in true presence.
"""

from collections.abc import Collection
from datetime import date

import polars as pl

from pipeline.schemas import COUNTED_STAYS
from rules.forms.by_group import ByGroup
from rules.forms.chained_permissions import ChainedPermissions
from rules.forms.continuous import ContinuousStay
from rules.forms.residence_rule import ResidenceRule
from rules.forms.short_term import ShortTermStay
from rules.forms.stay_rule import SpellRule
from rules.model import PersonRules
from rules.parameters import Parameter
from rules.residence_stays import residence_stays
from rules.short_term_stays import short_term_stays
from rules.travel import STILL_HERE
from rules.true_stays import true_stays

SCHEMA = {"definition": pl.String, "person": pl.Int64, "date": pl.Date, "direction": pl.String}


def true_migrations(
    rules: PersonRules,
    definitions: Collection[str],
    presence: pl.DataFrame,
    people: pl.DataFrame,
    begin: date,
    horizon: date,
) -> pl.DataFrame:
    """Return the true migrations under some definitions of a rule set: `definition, person, date, direction`.

    `presence` has spells (`person, start, end`; `end` exclusive, null while it lasts), `people` `person, birth_date,
    death_date` and `reason`, the code of the reason for which they came (null for none). Birth, and presence from
    before `begin`, are arrivals that are no migrations. Counted is what is settled by `horizon`, the first day that
    is not known.
    """
    crossings = true_crossings(presence, people)
    own = {one.id: one for one in rules.stays}
    found = [pl.DataFrame(schema=SCHEMA)]
    for definition in definitions:
        rule = own.get(definition)
        if isinstance(rule, ShortTermStay):
            migrations = _of_crossings(short_term_stays(crossings, rule, horizon), people)
        elif isinstance(rule, ContinuousStay):
            moves = _without_beginnings(crossings, people, begin)
            migrations = _of_crossings(residence_stays(moves, rule, horizon), people)
        elif isinstance(rule, ResidenceRule):
            migrations = _of_crossings(residence_stays(crossings, rule, horizon), people)
        else:
            migrations = _of_presence(presence, people, *_limits(rules, definition), horizon)
        found.append(migrations.select(pl.lit(definition).alias("definition"), "person", "date", "direction"))
    return pl.concat(found).filter(pl.col("date") >= begin).sort(pl.all())


def true_crossings(presence: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return all crossings that truly happened, in the columns of `crossings_as_sql`; `person_id` is the true person.

    Birth counts as an arrival. A departure and an arrival on one day cancel out.
    """
    known = people.select("person", "death_date", code="reason")
    arrivals = presence.select("person", day="start", way=pl.lit(1))
    departures = presence.drop_nulls("end").select("person", day="end", way=pl.lit(-1))
    nothing = pl.lit(None, pl.String)
    return (
        pl.concat([arrivals, departures])
        .group_by("person", "day").agg(pl.col("way").sum())
        .filter(pl.col("way") != 0)
        .join(known, on="person", how="left")
        .sort("person", "day")
        .select(
            "day", "death_date", "code",
            person_id="person",
            is_arrival=pl.col("way") > 0,
            is_death=(pl.col("way") < 0) & pl.col("day").eq_missing(pl.col("death_date")),
            rule_id=pl.lit("true_presence"), record_id=pl.lit(0, pl.Int64), shown=pl.lit(value=False),
            since=pl.lit(None, pl.Date), since_rule=nothing, since_record=pl.lit(None, pl.Int64), since_code=nothing,
        )
    )  # fmt: skip


def _without_beginnings(crossings: pl.DataFrame, people: pl.DataFrame, begin: date) -> pl.DataFrame:
    """Return crossings without births and those before `begin`, for definitions that count changes of residence.

    Who was here then has been `since` the arrival; who then travels within a year is like anybody who arrives.
    """
    births = people.select("birth_date", person_id="person")
    early = (pl.col("day") < begin) | (pl.col("is_arrival") & (pl.col("day") == pl.col("birth_date")))
    last_day, came = (pl.col(name).filter(early).last().over("person_id") for name in ("day", "is_arrival"))
    return (
        crossings.join(births, on="person_id", how="left", maintain_order="left")
        .with_columns(since=pl.when(came).then(last_day))
        .filter(~early)
        .select(crossings.columns)
    )


def _of_crossings(stays: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return the migrations of stays by a kernel (`person, date, direction`): those that are certain.

    A visit that begins by birth is none, so neither is its end.
    """
    births = people.select("birth_date", person_id="person")
    stays = stays.join(births, on="person_id", how="left")
    born, counts = pl.col("start") == pl.col("birth_date"), pl.col("status").is_in(COUNTED_STAYS)
    leaves = (
        (pl.col("stop") < STILL_HERE)
        & (pl.col("end_reason") != "death")
        & pl.when(pl.col("leaves") == "with_stay")
        .then(counts & ~born)
        .otherwise((pl.col("leaves") == "by_absence") & (pl.col("absent_days") > pl.col("absent_more_than_days")))
    )
    arrives = counts & ~born & (pl.col("start_kind") == "arrival")
    return _both_ways(stays.rename({"person_id": "person"}), "stop", arrives, leaves)


def _of_presence(
    presence: pl.DataFrame, people: pl.DataFrame, more_than: Parameter, absent_more_than: Parameter, horizon: date
) -> pl.DataFrame:
    """Return the migrations of long-term stays (`person, date, direction`)."""
    more, absence = _in_force(more_than, "start"), _in_force(absent_more_than, "left")
    stays = true_stays(presence, people, more, absence).filter("long_term").with_columns(left="end")
    lasted = (pl.col("end").fill_null(horizon) - pl.col("start")).dt.total_days() > more
    gone = (pl.lit(horizon) - pl.col("end")).dt.total_days() > absence
    return _both_ways(stays, "end", pl.col("arrives") & lasted, pl.col("departs") & gone)


def _both_ways(stays: pl.DataFrame, end: str, arrives: pl.Expr, leaves: pl.Expr) -> pl.DataFrame:
    return pl.concat(
        [
            stays.filter(arrives).select("person", date="start", direction=pl.lit("immigration")),
            stays.filter(leaves).select("person", date=end, direction=pl.lit("emigration")),
        ]
    )


def _limits(rules: PersonRules, definition: str) -> tuple[Parameter, Parameter]:
    """Return the days that a stay of a definition must exceed, and an absence that ends one.

    Where groups are measured by several rules, they are those of the last group, which measures whom no other does.
    """
    rule = {one.id: one for one in rules.stays}.get(definition, rules.definition)
    if isinstance(rule, SpellRule):
        return rule.more_than_days, rule.absent_more_than_days
    if isinstance(rule, ChainedPermissions):
        return rule.more_than_days, rule.return_within_days
    if isinstance(rule, ByGroup):
        return _limits(rules, rule.groups[-1].stay)[0], rule.absent_more_than_days
    return _limits(rules, rules.definition.groups[-1].stay)


def _in_force(parameter: Parameter, day: str) -> pl.Expr:
    """Return the value of a parameter in force on the day of a column."""
    value = pl.lit(parameter.value)
    for since, later in sorted(parameter.later.items()):
        value = pl.when(pl.col(day) >= since).then(later).otherwise(value)
    return value
