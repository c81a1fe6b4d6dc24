"""Why a case was missed or invented: the first cause that holds, from what the other side says about the person.

The other side of a missed migration or resident is the run: what it decided about the person on the true date. The
other side of a false one is the truth: what the person really did on the estimated date. Both sides are stays
(`start`, `end`, long-term or not, begun by an arrival, ended by a departure), so one set of causes serves both.
"""

import polars as pl

from rules.truth_comparison import TOLERANCE_DAYS

NO_RECORD = "no record anywhere"
TWO_CLUSTERS = "one person in two clusters"
TWO_IN_ONE = "two in one"
PRESENT = "present all along"
GONE = "gone long before"
EARLIER = "arrived earlier"
TOO_SHORT = "too short a stay"
MISDATED = "misdated"
OTHER = "other"
CAUSES = (NO_RECORD, TWO_CLUSTERS, TWO_IN_ONE, PRESENT, GONE, EARLIER, TOO_SHORT, MISDATED, OTHER)

_LONG = pl.duration(days=TOLERANCE_DAYS)
_SIDE = ["is_true", "other_side"]


def with_causes(cases: pl.DataFrame, stays: pl.DataFrame, unpaired: pl.DataFrame) -> pl.DataFrame:
    """Return `cases` with `cause`, and `other_date`: the other side's date of the change, if the cause is about one.

    `cases` has `measure`, `day` (true date of a true case, estimated date of a false one, or the reference date),
    `is_true`, `kind` (missed, false or misdated), `probability`, `other_side` (the `person_id` of a true case, the
    true `person` of a false one; null if there is none), `clusters` (of the true person) and `people_in_cluster`.
    `stays` has `is_true` (of the cases whose other side it is) and `other_side, start, end, long_term, arrives,
    departs`, `unpaired` the other side's migrations that serve no case: `is_true, other_side, measure, date`.

    1. no record anywhere: no source that counts people knows the true person; the truth knows nobody in the cluster
    2. one person in two clusters: records of the true person are in several clusters
    3. two in one: the cluster has records of several true people
    4. present all along: the person lives here on the day. Of immigration, without an arrival. Of emigration, and
       does not leave within 183 days, nor by a departure that is the misdated one. Of a missed resident, but without
       the signs that a resident needs
    5. gone long before: the last long-term stay, or the last of any length, ended by a departure over 183 days
       before; or, of a false one, the truth has no stay until 183 days after, so an earlier one is before all that it
       knows. Of immigration, only if the last stay of any length ended so long before, and no arrival is misdated
    6. arrived earlier: of immigration, lives here since an arrival over 183 days before; of a missed resident, the
       run has the arrival over 183 days after the day
    7. too short a stay: here within 183 days, for a stay that is not long-term; or, of a missed one, a stay or an
       absence that is not yet decided and so counts with a probability
    8. misdated: the other side has the same migration over 183 days away, or, of a resident, dates an arrival or a
       departure on the other side of the day
    9. other: such as a death that one side does not know, a second estimate beside the one that serves, or records
       that make no stay
    """
    known = cases.with_row_index("case")
    known = (
        known.join(_other_side(known, stays), on="case", how="left", maintain_order="left")
        .join(_nearest(known, unpaired), on="case", how="left", maintain_order="left")
        .with_columns(pl.col("here", "passing").fill_null(value=False))
    )
    causes = pl.coalesce(
        *(pl.when(condition).then(pl.lit(cause)) for cause, condition in _conditions().items()), pl.lit(OTHER)
    )
    return known.with_columns(cause=causes).with_columns(
        other_date=pl.when(pl.col("cause") == GONE, pl.col("measure") == "emigration")
        .then(pl.when(_left_long_ago("last_left", "last_end")).then("last_left").otherwise("last_left_any"))
        .when(pl.col("cause") == EARLIER)
        .then("here_since")
        .when(pl.col("cause") == MISDATED)
        .then("unpaired_date")
    )


def _other_side(cases: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return by `case` where the person is on the day, according to the other side's stays."""
    day, start, end = pl.col("day"), pl.col("start"), pl.col("end")
    here = pl.col("long_term") & (start <= day) & (end.is_null() | (end > day))
    over, departs = end <= day, pl.col("departs")
    passing = ~pl.col("long_term") & (start <= day + _LONG) & (end.is_null() | (end > day - _LONG))
    return (
        cases.select("case", "measure", "day", *_SIDE)
        .join(stays, on=_SIDE, how="inner")
        .group_by("case")
        .agg(
            here=here.any(),
            here_since=start.filter(here).max(),
            here_until=end.filter(here).max(),
            arrived=(here & pl.col("arrives")).any(),
            leaves=(here & pl.col("departs")).any(),
            last_left=end.filter(over & departs & pl.col("long_term")).max(),
            last_end=end.filter(over & pl.col("long_term")).max(),
            last_left_any=end.filter(over & departs).max(),
            last_end_any=end.filter(over).max(),
            next_start=start.filter(pl.col("long_term") & (start > day)).min(),
            passing=passing.any(),
        )
    )


def _nearest(cases: pl.DataFrame, unpaired: pl.DataFrame) -> pl.DataFrame:
    """Return by `case` the nearest migration of the other side that serves none; of equals, the earlier."""
    return (
        cases.select("case", "measure", "day", *_SIDE)
        .join(unpaired, on=[*_SIDE, "measure"], how="inner")
        .sort("case", (pl.col("date") - pl.col("day")).dt.total_days().abs(), "date")
        .group_by("case", maintain_order=True)
        .agg(unpaired_date=pl.col("date").first(), unpaired_dates=pl.col("date"))
    )


def _left_long_ago(last_left: str, last_end: str) -> pl.Expr:
    """Return whether the last of some stays ended by a departure over 183 days before the day."""
    left = pl.col(last_left)
    return ((left == pl.col(last_end)) & (left < pl.col("day") - _LONG)).fill_null(value=False)


def _gone() -> pl.Expr:
    """Return whether the person had left long before the day."""
    passing, next_start = pl.col("passing"), pl.col("next_start")
    long_term_is_over = _left_long_ago("last_left", "last_end")
    all_is_over = ~passing & _left_long_ago("last_left_any", "last_end_any")
    not_yet_here = next_start.is_null() | (next_start > pl.col("day") + _LONG)
    never_here = ~pl.col("is_true") & ~passing & pl.col("last_end_any").is_null() & not_yet_here
    of_immigration = all_is_over & pl.col("unpaired_date").is_null()
    of_others = long_term_is_over | all_is_over | never_here
    return ~pl.col("here") & pl.when(pl.col("measure") == "immigration").then(of_immigration).otherwise(of_others)


def _conditions() -> dict[str, pl.Expr]:
    """Return the condition of every cause but the last, in order; null counts as false."""
    day, is_true = pl.col("day"), pl.col("is_true")
    immigration, emigration = (pl.col("measure") == name for name in ("immigration", "emigration"))
    resident = pl.col("measure") == "population"
    here, departed = pl.col("here"), pl.col("last_left") == pl.col("last_end")
    is_the_misdated_one = pl.col("unpaired_dates").list.contains(pl.col("here_until")).fill_null(value=False)
    stays_on = ~pl.col("leaves") | ((pl.col("here_until") > day + _LONG) & ~is_the_misdated_one)
    undecided = (pl.col("kind") == "missed") & (pl.col("probability") > 0)
    changed = {
        PRESENT: here & (resident | (immigration & ~pl.col("arrived")) | (emigration & stays_on)),
        GONE: _gone(),
        EARLIER: (immigration & here & pl.col("arrived") & (pl.col("here_since") < day - _LONG))
        | (resident & is_true & ~here & (pl.col("next_start") > day + _LONG)),
        TOO_SHORT: pl.col("passing") | undecided,
    }
    return {
        NO_RECORD: pl.col("other_side").is_null(),
        TWO_CLUSTERS: pl.col("clusters") > 1,
        TWO_IN_ONE: pl.col("people_in_cluster") > 1,
        # the misdated part of a case was found: no more than its year is wrong
        **{cause: (pl.col("kind") != "misdated") & condition for cause, condition in changed.items()},
        MISDATED: (pl.col("kind") == "misdated")
        | pl.col("unpaired_date").is_not_null()
        | (resident & ~here & (departed | pl.col("next_start").is_not_null())),
    }
