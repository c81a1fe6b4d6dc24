"""First arrival to last departure (FALD) within chains of permissions to stay, visits apart.

Permissions that follow one another are one chain, even if nobody travelled on the later one. The stay on a chain
lasts from the first arrival to the last departure, whatever short trips lie between; the start or the end of the
chain stands for a crossing that was not recorded. Travel on a visit permission, or on none, is no part of any stay.

Source: ONS, methods of long-term international migration (May 2023, November 2024, 2026): long-term immigrants stay
more than 365 days; they emigrate by a last departure after which they do not return within 12 months, or only for a
short term.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

P = "person_id"


@dataclass(frozen=True)
class FirstToLast:
    """The parameters, in days.

    A stay is long-term if it lasts more than `more_than`. `chain_within` is the most from the end of a permission to
    the start of the next in one chain. `change_within` is the same for somebody who was seen to arrive and not to
    leave in between: the repair for a change of visa without travel. `trip_up_to` is the longest absence inside a
    chain that does not end the stay. A return on another chain, or after a longer trip, continues a stay if it comes
    `return_within` of its end, and both last more than `return_more_than`; a shorter one is a stay of its own.
    """

    more_than: int = 365
    chain_within: int = 28
    change_within: int = 183
    trip_up_to: int = 365
    return_within: int = 365
    return_more_than: int = 365


def first_to_last(
    crossings: pl.DataFrame, permissions: pl.DataFrame, rule: FirstToLast, observed_to: date
) -> pl.DataFrame:
    """Return the stays of people on permissions that are no visits, one row each, in order of person and start.

    `crossings` has `person_id, date, is_arrival`, in order within a person; `permissions` has `person_id`,
    `valid_from, valid_to` (both days included) and `is_visit`. What is later than `observed_to` is not looked at,
    except the end of a permission. The result has `person_id`, and:

    * `start`, `end` (null while the person is still here), `start_seen`, `end_seen` (whether a crossing dates them);
    * `long_term` (null while it may still become so), and
    * `emigrated`: whether the end of a long-term stay is an emigration (null while a return may still come). A return
      that is not settled yet counts as one that lasts.
    """
    observed = pl.lit(observed_to)
    seen = crossings.filter(pl.col("date") <= observed)
    given = permissions.filter(pl.col("valid_from") <= observed)
    chained = chains(seen, given.filter(~pl.col("is_visit")), rule)
    visits = given.filter("is_visit")
    return _joined(_pieces(_of_chains(seen, chained, visits, rule), chained, rule, observed), rule, observed)


def chains(crossings: pl.DataFrame, permissions: pl.DataFrame, rule: FirstToLast) -> pl.DataFrame:
    """Return the chains of permissions, `person_id, chain, opens, closes`, in order of person and time."""
    ordered = permissions.sort(P, "valid_from", "valid_to").with_columns(
        closed=pl.col("valid_to").cum_max().shift().over(P)
    )
    by_day = crossings.select(P, "date", "is_arrival").sort("date", maintain_order=True)
    last = by_day.rename({"is_arrival": "last_in", "date": "last_on"})
    # of several crossings of one day, the first one is what comes next
    following = by_day.unique((P, "date"), keep="first", maintain_order=True)
    following = following.rename({"is_arrival": "next_in", "date": "next_on"})
    around = (
        ordered.sort("valid_from", maintain_order=True)
        .join_asof(last, left_on="valid_from", right_on="last_on", by=P, check_sortedness=False)
        .join_asof(
            following, left_on="valid_from", right_on="next_on", by=P, strategy="forward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .sort(P, "valid_from", "valid_to", maintain_order=True)
    )  # fmt: skip
    days = (pl.col("valid_from") - pl.col("closed")).dt.total_days()
    stayed = pl.col("last_in").fill_null(value=False) & ~pl.col("next_in").fill_null(value=False)
    follows = (days <= rule.chain_within) | ((days <= rule.change_within) & stayed)
    return (
        around.with_columns(chain=(~follows.fill_null(value=False)).cum_sum())
        .group_by(P, "chain", maintain_order=True)
        .agg(opens=pl.col("valid_from").min(), closes=pl.col("valid_to").max())
    )


def _of_chains(
    crossings: pl.DataFrame, chained: pl.DataFrame, visits: pl.DataFrame, rule: FirstToLast
) -> pl.DataFrame:
    """Return the crossings of each chain, in order.

    They are those from its opening to the next chain's, or to an arrival that comes too long after its end, or after
    it on a visit permission.
    """
    ordered = crossings.with_row_index("row").sort("date", maintain_order=True)
    on_visit = (
        ordered.filter("is_arrival")
        .join_where(
            visits.select(visitor=P, visit_from="valid_from", visit_to="valid_to"),
            pl.col(P) == pl.col("visitor"),
            pl.col("date") >= pl.col("visit_from"),
            pl.col("date") <= pl.col("visit_to"),
        )
        .select("row")
        .unique()
    )
    late = (pl.col("date") - pl.col("closes")).dt.total_days()
    outside = pl.col("is_arrival") & ((late > rule.chain_within) | ((late > 0) & pl.col("on_visit")))
    return (
        ordered.join_asof(
            chained.sort("opens"), left_on="date", right_on="opens", by=P, strategy="backward", check_sortedness=False
        )
        .filter(pl.col("chain").is_not_null())
        .sort("row")
        .with_columns(on_visit=pl.col("row").is_in(on_visit["row"].implode()))
        .filter(~outside.cum_max().over("chain"))
        .select("row", P, "chain", "date", "is_arrival")
    )


def _pieces(crossed: pl.DataFrame, chained: pl.DataFrame, rule: FirstToLast, observed: pl.Expr) -> pl.DataFrame:
    """Return the pieces into which trips that are too long part each chain: `start, end, start_seen, end_seen`."""
    away = (pl.col("date") - pl.col("date").shift().over("chain")).dt.total_days()
    left = ~pl.col("is_arrival").shift().over("chain")
    comes_back = (pl.col("is_arrival") & left & (away > rule.trip_up_to)).fill_null(value=False)
    travelled = (
        crossed.with_columns(piece=comes_back.cum_sum().over("chain"))
        .group_by("chain", "piece", maintain_order=True)
        .agg(
            first=pl.col("date").first(), arrives=pl.col("is_arrival").first(),
            last=pl.col("date").last(), leaves=~pl.col("is_arrival").last(),
        )
    )  # fmt: skip
    start_seen, end_seen = (pl.col(name).fill_null(value=False) for name in ("arrives", "leaves"))
    until = pl.max_horizontal("closes", "last")
    return (
        chained.join(travelled, on="chain", how="left", maintain_order="left_right")
        .with_columns(start_seen=start_seen, end_seen=end_seen)
        .select(
            P,
            start=pl.when("start_seen").then("first").otherwise("opens"),
            end=pl.when("end_seen").then("last").when(until <= observed).then(until),
            start_seen="start_seen",
            end_seen="end_seen",
        )
    )


def _joined(pieces: pl.DataFrame, rule: FirstToLast, observed: pl.Expr) -> pl.DataFrame:
    """Join pieces that a return continues, and say what each stay is."""
    length = (pl.col("end").fill_null(observed) - pl.col("start")).dt.total_days()
    counts = (length > rule.return_more_than) | pl.col("end").is_null()
    ordered = pieces.with_columns(counts=counts).sort(P, "start", pl.col("end").fill_null(observed))
    away = (pl.col("start") - pl.col("end").shift().over(P)).dt.total_days()
    lasting = (
        ordered.filter("counts")
        .with_columns(stay=(~(away <= rule.return_within).fill_null(value=False)).cum_sum())
        .group_by(P, "stay", maintain_order=True)
        .agg(pl.col("start").first(), pl.col("end").last(), pl.col("start_seen").first(), pl.col("end_seen").last())
        .with_columns(counts=pl.lit(value=True))
    )
    settled = (observed - pl.col("end")).dt.total_days() > rule.return_within
    is_long, is_over = length > rule.more_than, pl.col("end").is_not_null() & (settled | ~pl.col("counts"))
    return (
        pl.concat([lasting.drop("stay"), ordered.filter(~pl.col("counts"))])
        .with_columns(long_term=pl.when(is_long | is_over).then(is_long))
        .with_columns(emigrated=pl.when(settled | ~pl.col("long_term")).then("long_term"))
        .drop("counts")
        .sort(P, "start", "end", nulls_last=True)
    )
