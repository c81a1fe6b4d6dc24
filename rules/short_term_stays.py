"""Stays by the definitions of short-term migration: every spell of presence between two crossings is one stay."""

from datetime import date

import numpy as np
import polars as pl

from pipeline.schemas import STAY_BRANCHES
from rules.forms.short_term import ShortTermStay
from rules.lengths_of_stay.crossings import NEVER, Crossings, Days, Flags
from rules.lengths_of_stay.short_term import short_term
from rules.lengths_of_stay.spells import Spells, spells
from rules.travel import EPOCH, STILL_HERE, crossings_of, days_of, here_long_before


def short_term_stays(crossed: pl.DataFrame, rule: ShortTermStay, day: date) -> pl.DataFrame:
    """Return the stays by one rule, in the columns of `make_classified_stays`.

    `crossed` has the rows of `crossings_as_sql`, in order of person and day, with at least one row. A stay counts,
    its start and its end, once it is known to be long enough and no part of residence.
    """
    crossings, observed_to = crossings_of(crossed), (day - EPOCH).days
    of = spells(crossings)
    unknown = of.start == -NEVER
    resident = here_long_before(crossed, crossings, int(rule.resident_before_days.value))[of.person] & unknown
    start = _starts(of, crossings, resident, days_of(crossed["since"].fill_null(EPOCH)))
    ended = of.end <= observed_to
    left = np.where(ended, of.departure, -1)
    is_over = crossed["death_date"].is_not_null().to_numpy()[crossings.first][of.person]
    found = short_term(of.person, start, of.end, is_over, rule.kernel, observed_to)
    dies = crossed["is_death"].to_numpy()[left] & (left >= 0)
    branch = np.select(
        [
            (found.residence == 1) | found.too_long | resident,
            dies,
            unknown | found.too_brief,
            ~_has_reason(crossed, of, rule),
            ~ended,
            found.residence != 0,
        ],
        ["residence", "died_before", "too_brief", "another_reason", "may_go_on", "may_return"],
        default="short_enough",
    )
    stays = pl.DataFrame(
        {
            "start": start, "stop": np.where(ended, of.end, 0), "ended": ended, "branch": branch, "dies": dies,
            "seen_start": of.arrival >= 0, "seen_end": left >= 0, "resident": resident, "unknown": unknown,
            "least": rule.kernel.least.after(start) - start - 1,
        },
    ).with_columns(pl.col("start", "stop").cast(pl.Int32).cast(pl.Date), pl.col("least").cast(pl.Int64))  # fmt: skip
    dated = ("person_id", "rule_id", "record_id", "code", "since_rule", "since_record", "since_code")
    begun = crossed.select(dated)[np.where(of.arrival >= 0, of.arrival, of.departure)]
    over = crossed.select(end_rule="rule_id", end_record="record_id")[np.where(left >= 0, left, of.arrival)]
    return _described(stays.hstack(begun).hstack(over), rule, day)


def _starts(of: Spells, crossings: Crossings, resident: Flags, since: Days) -> Days:
    """Return the first day of each spell: of one that nobody saw begin, since a permission, or the day of its end.

    An arrival that was not recorded is placed after the departure before it, at least a day.
    """
    first = crossings.first[of.person]
    unseen = (of.arrival < 0) & (of.start > -NEVER)
    start = np.where(unseen, np.maximum(of.start, crossings.day[np.maximum(of.departure - 1, 0)] + 1), of.start)
    return np.where(of.start > -NEVER, start, np.where(resident, since[first], crossings.day[first])).astype(np.int32)


def _has_reason(crossed: pl.DataFrame, of: Spells, rule: ShortTermStay) -> Flags:
    """Return whether each spell is for one of the reasons that count, as far as anything shows one."""
    if not rule.reasons:
        return np.ones(len(of.start), dtype=np.bool_)
    shown = crossed.select(pl.col("shown") | pl.col("code").is_in(rule.reasons).fill_null(value=False))
    return shown.to_series().to_numpy()[of.arrival] & (of.arrival >= 0)


def _described(stays: pl.DataFrame, rule: ShortTermStay, day: date) -> pl.DataFrame:
    """Describe stays by the crossings that begin and end them."""
    stop = pl.when("ended").then("stop").otherwise(STILL_HERE)
    residence_days, absence = int(rule.more_than_days.value), int(rule.absent_more_than_days.value)
    # by then no return can make residence of it, nor can the stay itself
    settled_after = pl.duration(days=pl.lit(residence_days + absence) - pl.col("least"))
    before = pl.when("resident")
    return stays.select(
        "person_id",
        definition=pl.lit(rule.id),
        stay_rule=pl.lit(rule.id),
        start="start",
        stop=stop,
        start_kind=before.then(pl.lit("unseen")).when("unknown").then(pl.lit("unknown")).otherwise(pl.lit("arrival")),
        end_reason=pl.when("dies").then(pl.lit("death")).when("seen_end").then(pl.lit("departure"))
        .when("ended").then(pl.lit("assumed")).otherwise(pl.lit("open")),
        start_rule=before.then("since_rule").otherwise("rule_id"),
        start_record=before.then("since_record").otherwise("record_id"),
        end_rule="end_rule",
        end_record="end_record",
        code=before.then("since_code").when("seen_start").then("code"),
        observed_until=pl.lit(day) - settled_after,
        more_than_days=pl.col("least"),
        absent_more_than_days=pl.when("ended").then(pl.lit(absence, dtype=pl.Int64)),
        known_until=pl.lit(day),
        days=pl.when(pl.col("unknown") & ~pl.col("resident")).then(0)
        .otherwise((pl.min_horizontal(stop, pl.lit(day)) - pl.col("start")).dt.total_days()),
        absent_days=pl.when("ended").then((pl.lit(day) - pl.col("stop")).dt.total_days()),
        status=pl.col("branch").replace_strict(STAY_BRANCHES, return_dtype=pl.String),
        branch="branch",
        leaves=pl.when(pl.col("branch").is_in(["short_enough", "may_go_on", "may_return"]))
        .then(pl.lit("with_stay")).otherwise(pl.lit("never")),
    )  # fmt: skip
