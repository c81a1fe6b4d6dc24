"""Stays by the definitions that follow residence through crossings of the border.

A stay lasts from the arrival that begins residence to the departure that ends it; presence of people who are no
residents is a short-term stay. While it is not known whether a crossing changes residence, the stay is unfinished.

A death in the country ends presence, and residence without emigration. Days after a death are no absence: who leaves,
returns and dies before having been away long enough lived here until then. A definition may count some changes of
residence alone: a stay that one of these begins counts, and so does the departure that is one of them.
"""

from datetime import date

import numpy as np
import polars as pl

from pipeline.schemas import STAY_BRANCHES
from rules.forms.residence_rule import Followed, ResidenceRule
from rules.lengths_of_stay.crossings import NEVER, Crossings, Rows
from rules.lengths_of_stay.presence import Presence
from rules.lengths_of_stay.residence import UNKNOWN
from rules.travel import EPOCH, STILL_HERE, crossings_of, days_of, here_long_before

NOBODY_KNOWS = -1
"""The place of a row that does not exist."""


def residence_stays(crossed: pl.DataFrame, rule: ResidenceRule, day: date) -> pl.DataFrame:
    """Return the stays by one rule, in the columns of `make_classified_stays`.

    `crossed` has the rows of `crossings_as_sql`, in order of person and day. `days` and `absent_days` are those that
    the rule counts after an arrival and after a departure; `more_than_days` and `absent_more_than_days` are one less
    than it needs.
    """
    crossings = crossings_of(crossed)
    long_before = here_long_before(crossed, crossings, int(rule.resident_before_days.value))
    followed = rule.follow(crossings, np.repeat(long_before, crossings.count), (day - EPOCH).days)
    begins, ends, branch = _stays(crossings, followed)
    return _described(crossed, crossings, followed, begins, ends, branch, rule, day)


def _stays(crossings: Crossings, followed: Followed) -> tuple[Rows, Rows, list[str]]:
    """Return for each stay the row of the crossing that begins it, of the one that ends it, and why it is one.

    A row that does not exist is `NOBODY_KNOWS`: of an end, while the person is here or where no departure was
    recorded. A stay of somebody who was a resident before the first crossing begins with that crossing's row.
    """
    arrival, before, migration = crossings.is_arrival, followed.resident_before, followed.migration
    last = crossings.last[crossings.person]
    is_first = crossings.starts_person
    # residence: who is a resident at the first crossing, and each arrival to stay, until the next departure for good
    resident_before = np.flatnonzero(is_first & (before == 1))
    settled = np.flatnonzero(arrival & (migration == 1))
    start = np.concatenate([resident_before, settled])
    leaves = np.flatnonzero(~arrival & (before == 1) & (migration != 0))
    following = np.append(leaves, NOBODY_KNOWS)[np.searchsorted(leaves, start)]
    own = crossings.person[following] == crossings.person[start]
    stop = np.where((following != NOBODY_KNOWS) & own, following, NOBODY_KNOWS)
    # an arrival that may turn out to be one to stay: all that follows belongs to it
    may_settle = np.flatnonzero(arrival & (before == 0) & (migration == UNKNOWN))
    until = np.where(arrival[last[may_settle]], NOBODY_KNOWS, last[may_settle])
    # presence without residence
    visit = np.flatnonzero(arrival & (before == 0) & (migration == 0))
    left = np.minimum(visit + 1, len(crossings) - 1)
    seen_to_leave = (crossings.person[left] == crossings.person[visit]) & ~arrival[left] & (left > visit)
    unseen_arrival = np.flatnonzero(is_first & ~arrival & (before == 0))
    begins = np.concatenate([start, may_settle, visit, unseen_arrival])
    ends = np.concatenate([stop, until, np.where(seen_to_leave, left, NOBODY_KNOWS), unseen_arrival])
    branch = [
        *["present_before"] * len(resident_before),
        *["long_enough"] * len(settled),
        *np.where(until == NOBODY_KNOWS, "may_go_on", "may_return").tolist(),
        *["too_short"] * (len(visit) + len(unseen_arrival)),
    ]
    return begins, ends, branch


def _described(
    crossed: pl.DataFrame, crossings: Crossings, followed: Followed, begins: Rows, ends: Rows, branch: list[str],
    rule: ResidenceRule, day: date,
) -> pl.DataFrame:  # fmt: skip
    """Describe stays by the crossings that begin and end them."""
    rows = crossed.with_columns(
        spent=pl.Series(followed.spent, dtype=pl.Int64),
        needed=pl.Series(followed.needed, dtype=pl.Int64) - 1,
        counts=pl.Series(np.ones(len(crossings)) if followed.counts is None else followed.counts, dtype=pl.Int8),
        turn=pl.Series(np.where(crossings.turn < NEVER, crossings.turn, 0), dtype=pl.Int32).cast(pl.Date),
        away=_away_until_death(crossed, crossings, (day - EPOCH).days),
    )
    described = ("day", "is_arrival", "is_death", "rule_id", "record_id", "spent", "needed", "counts", "away")
    start = rows[begins]
    end = rows.select(pl.col(described).name.prefix("end_"))[np.where(ends == NOBODY_KNOWS, 0, ends)]
    stays = start.hstack(end).with_columns(branch=pl.Series(branch, dtype=pl.String), seen=pl.Series(ends >= 0))
    before, short = pl.col("branch") == "present_before", pl.col("branch") == "too_short"
    unseen_end = short & ~pl.col("seen")
    # who died before having been away long enough had not left for good, and lived here when back in between
    away = pl.col("seen") & ~pl.col("end_is_death")
    died_away = (away & pl.col("end_away").le(pl.col("end_needed"))).fill_null(value=False) & ~short
    lived_on_from = pl.when(died_away).then("end_day").min().over("person_id")
    stays = stays.filter((pl.col("day") > lived_on_from).fill_null(value=False).not_())
    dies = (pl.col("seen") & pl.col("end_is_death")) | died_away
    stop = (
        pl.when(dies).then("death_date").when("seen").then("end_day").when(unseen_end).then("turn")
        .otherwise(STILL_HERE)
    )  # fmt: skip
    start_day = pl.when(before).then("since").otherwise("day")
    ended = pl.when("seen")
    why = (
        pl.when(dies & pl.col("branch").is_in(["may_go_on", "may_return", "too_short"])).then(pl.lit("died_before"))
        .otherwise("branch")
    )  # fmt: skip
    leaves = why.replace_strict(STAY_BRANCHES, return_dtype=pl.String) == "long_term"
    if followed.counts is not None:
        leaves &= pl.col("end_counts") != 0
        why = _of_those_that_count(why)
    unseen_start = short & ~pl.col("is_arrival")
    return stays.select(
        "person_id",
        definition=pl.lit(rule.id),
        stay_rule=pl.lit(rule.id),
        start=start_day,
        stop=stop,
        start_kind=pl.when(before).then(pl.lit("unseen")).when(unseen_start).then(pl.lit("unknown"))
        .otherwise(pl.lit("arrival")),
        end_reason=pl.when(dies).then(pl.lit("death")).when("seen").then(pl.lit("departure"))
        .when(unseen_end).then(pl.lit("assumed")).otherwise(pl.lit("open")),
        start_rule=pl.when(before).then("since_rule").otherwise("rule_id"),
        start_record=pl.when(before).then("since_record").otherwise("record_id"),
        end_rule=ended.then("end_rule_id").otherwise("rule_id"),
        end_record=ended.then("end_record_id").otherwise("record_id"),
        code=pl.when(before).then("since_code").otherwise("code"),
        observed_until=pl.lit(day) - pl.duration(days=rule.waits_days),
        more_than_days=pl.col("needed"),
        absent_more_than_days=ended.then("end_needed"),
        known_until=pl.lit(day),
        days=pl.when(before).then(
            (pl.min_horizontal(stop, pl.lit(day)) - start_day).dt.total_days()
        ).when(unseen_start).then(0).otherwise("spent"),
        absent_days=ended.then("end_spent"),
        status=why.replace_strict(STAY_BRANCHES, return_dtype=pl.String),
        branch=why,
        leaves=pl.when(leaves).then(pl.lit("by_absence")).otherwise(pl.lit("never")),
    )  # fmt: skip


def _away_until_death(crossed: pl.DataFrame, crossings: Crossings, observed_to: int) -> pl.Series:
    """Return the days away after each crossing until the person's death; null for people not known to be dead."""
    death = days_of(crossed["death_date"].fill_null(crossed["day"]))
    here = Presence(crossings, observed_to).days_between(crossings.person, crossings.day, death)
    away = pl.DataFrame({"days": death - crossings.day - here, "died": crossed["death_date"].is_not_null()})
    return away.select(pl.when("died").then("days")).to_series()


def _of_those_that_count(why: pl.Expr) -> pl.Expr:
    """Return the branch where not all changes of residence count: those of residence and of visits do not."""
    counts, may_count = pl.col("counts") != 0, why.is_in(["long_enough", "may_go_on", "may_return"])
    return (
        pl.when((why == "long_enough") & counts).then(pl.lit("again_and_again"))
        .when((why == "present_before") | (may_count & ~counts)).then(pl.lit("residence"))
        .when(why == "too_short").then(pl.lit("too_brief"))
        .otherwise(why)
    )  # fmt: skip
