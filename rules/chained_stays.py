"""Stays by first arrival to last departure on chains of permissions, and the evidence that dates each of them."""

from datetime import date

import polars as pl

from pipeline.schemas import STAY_BRANCHES
from rules.forms.chained_permissions import ChainedPermissions
from rules.lengths_of_stay.first_to_last import first_to_last
from rules.travel import STILL_HERE

P = "person_id"
DATED_BY = ("rule_id", "record_id", "code")


def chained_stays(crossed: pl.DataFrame, given: pl.DataFrame, rule: ChainedPermissions, day: date) -> pl.DataFrame:
    """Return the stays by one rule, in the columns of `make_classified_stays`.

    `crossed` has the rows of `crossings_as_sql`, `given` those of `permissions_as_sql`, both in order of person and
    day. A death in the country ends a stay, as does one during an absence that would not have ended it.
    """
    permissions = given.filter(~pl.col("is_visit"))
    found = first_to_last(
        crossed.select(P, "is_arrival", date="day"),
        given.select(P, "valid_from", "valid_to", "is_visit"),
        rule.kernel,
        day,
    )
    deaths = given.select(P, "death_date").unique(P, keep="first", maintain_order=True)
    dated = (
        found.join(deaths, on=P, how="left", maintain_order="left")
        .join(_arrivals(crossed), left_on=[P, "start"], right_on=[P, "day"], how="left", maintain_order="left")
        .join(
            _opening(permissions), left_on=[P, "start"], right_on=[P, "valid_from"], how="left", maintain_order="left"
        )
        .join(_departures(crossed), left_on=[P, "end"], right_on=[P, "day"], how="left", maintain_order="left")
        .join(_closing(permissions), left_on=[P, "end"], right_on=[P, "valid_to"], how="left", maintain_order="left")
        .join(_latest(permissions), on=P, how="left", maintain_order="left")
    )
    return _described(dated, rule, day)


def _arrivals(crossed: pl.DataFrame) -> pl.DataFrame:
    return crossed.filter("is_arrival").select(P, "day", pl.col(DATED_BY).name.prefix("came_"))


def _departures(crossed: pl.DataFrame) -> pl.DataFrame:
    return crossed.filter(~pl.col("is_arrival")).select(P, "day", "is_death", pl.col(DATED_BY).name.prefix("left_"))


def _opening(permissions: pl.DataFrame) -> pl.DataFrame:
    """Return the permission that opens on a day; of several, that of the lowest record."""
    first = permissions.unique([P, "valid_from"], keep="first", maintain_order=True)
    return first.select(P, "valid_from", pl.col(DATED_BY).name.prefix("opens_"))


def _closing(permissions: pl.DataFrame) -> pl.DataFrame:
    """Return the permission that ends on a day; of several, the latest."""
    last = permissions.unique([P, "valid_to"], keep="last", maintain_order=True)
    return last.select(P, "valid_to", pl.col(DATED_BY).name.prefix("closes_"))


def _latest(permissions: pl.DataFrame) -> pl.DataFrame:
    last = permissions.unique(P, keep="last", maintain_order=True)
    return last.select(P, pl.col(DATED_BY).name.prefix("latest_"))


def _described(dated: pl.DataFrame, rule: ChainedPermissions, day: date) -> pl.DataFrame:
    """Describe stays by what begins and ends them: a crossing, or else a permission."""
    longest_absence = int(rule.return_within_days.value)
    away = (pl.col("death_date") - pl.col("end")).dt.total_days()
    died_away = pl.col("long_term").fill_null(value=False) & (away <= longest_absence)
    died_here = pl.col("is_death").fill_null(value=False) | (pl.col("end") == pl.col("death_date"))
    dies = (died_here | died_away).fill_null(value=False)
    stop = pl.when(dies).then("death_date").otherwise(pl.col("end").fill_null(STILL_HERE))
    seen, over = pl.when("start_seen"), pl.col("end").is_not_null()
    inside = ~pl.col("start_seen") & pl.col("opens_code").is_in(rule.given_inside).fill_null(value=False)
    branch = (
        pl.when(inside).then(pl.lit("present_before"))
        .when("long_term").then(pl.lit("long_enough"))
        .when(dies).then(pl.lit("died_before"))
        .when(pl.col("long_term").is_not_null()).then(pl.lit("too_short"))
        .when(over).then(pl.lit("may_return")).otherwise(pl.lit("may_go_on"))
    )  # fmt: skip
    status = branch.replace_strict(STAY_BRANCHES, return_dtype=pl.String)
    return dated.select(
        P,
        definition=pl.lit(rule.id),
        stay_rule=pl.lit(rule.id),
        start="start",
        stop=stop,
        start_kind=pl.when(inside).then(pl.lit("unseen")).otherwise(pl.lit("arrival")),
        end_reason=pl.when(dies).then(pl.lit("death")).when("end_seen").then(pl.lit("departure"))
        .when(over & pl.col("closes_rule_id").is_not_null()).then(pl.lit("permission_end"))
        .when(over).then(pl.lit("assumed")).otherwise(pl.lit("open")),
        start_rule=seen.then("came_rule_id").otherwise("opens_rule_id"),
        start_record=seen.then("came_record_id").otherwise("opens_record_id"),
        end_rule=pl.coalesce("left_rule_id", "closes_rule_id", "latest_rule_id"),
        end_record=pl.coalesce("left_record_id", "closes_record_id", "latest_record_id"),
        code=seen.then("came_code").otherwise("opens_code"),
        observed_until=pl.lit(day),
        more_than_days=pl.lit(int(rule.more_than_days.value), dtype=pl.Int64),
        absent_more_than_days=pl.when(over).then(pl.lit(longest_absence, dtype=pl.Int64)),
        known_until=pl.lit(day),
        days=(pl.min_horizontal(stop, pl.lit(day)) - pl.col("start")).dt.total_days(),
        absent_days=pl.when(over).then((pl.lit(day) - stop).dt.total_days()),
        status=status,
        branch=branch,
        leaves=pl.when(status == "long_term").then(pl.lit("by_absence")).otherwise(pl.lit("never")),
    )  # fmt: skip
