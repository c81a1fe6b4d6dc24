"""Stays by the definitions that follow residence through crossings of the border.

A stay lasts from the arrival that begins residence to the departure that ends it; presence of people who are no
residents is a short-term stay. While it is not known whether a crossing changes residence, the stay is unfinished.

Crossings of one day cancel out. A death in the country ends presence, and residence without emigration.
"""

from datetime import date
from functools import partial

import duckdb
import numpy as np
import polars as pl

from pipeline.schemas import STAY_BRANCHES
from pipeline.tables import content_of, make_table, make_table_of, query
from rules.forms.residence_rule import Followed, ResidenceRule
from rules.forms.spells import OPEN
from rules.lengths_of_stay.crossings import NEVER, Crossings, Days, Rows
from rules.lengths_of_stay.residence import UNKNOWN
from rules.model import PersonRules
from rules.people import death_dates
from rules.sql_text import among, quoted

EPOCH = date(1970, 1, 1)
NOBODY_KNOWS = -1
"""The place of a row that does not exist."""


def with_residence_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, day: date, spells: str) -> str:
    """Return SQL of the classified stays in the table `spells`, and those by every rule that follows residence.

    Reads `known` (evidence with `person_id`, as known on that day); stays of people without crossings, where a rule
    has them measured by another definition, are those of `spells`.
    """
    parts = [f"SELECT * FROM {spells}"]
    for rule in rules.residence_rules:
        crossings, stays = f"crossings_of_{rule.id}", f"stays_of_{rule.id}"
        make_table(connection, crossings, _crossings(rules, rule))
        if connection.execute(f"SELECT count(*) FROM {crossings}").fetchall() != [(0,)]:
            made_from = f"{content_of(connection, crossings)} {rule.model_dump_json()} {day}"
            make_table_of(connection, stays, made_from, partial(_followed_stays, connection, crossings, rule, day))
            parts.append(f"SELECT * FROM {stays}")
        if rule.others_by is not None:
            parts.append(f"""
                SELECT * REPLACE ({quoted(rule.id)} AS definition)
                FROM {spells} ANTI JOIN {crossings} USING (person_id)
                WHERE definition = {quoted(rule.others_by)}""")
    return " UNION ALL BY NAME ".join(parts)


def _followed_stays(
    connection: duckdb.DuckDBPyConnection, crossings: str, rule: ResidenceRule, day: date
) -> pl.DataFrame:
    """Return the stays by one rule that the crossings in a table give."""
    return residence_stays(query(connection, f"SELECT * FROM {crossings} ORDER BY person_id, day"), rule, day)


def _crossings(rules: PersonRules, rule: ResidenceRule) -> str:
    """Return SQL with one row per person and day with a crossing, what dates it, and what is known before it.

    Columns: `person_id, day, is_arrival, rule_id, record_id, code` (that of the permission in force, if the crossing
    has none), the `death_date` of the person, whether the row `is_death` (the end of presence by a death), and the
    earliest permission: `since`, with its rule, record and code.
    """
    inwards = among("rule_id", rule.arrivals)
    chosen = "struct_pack(rule_id, record_id, code)"
    return f"""
        WITH death AS ({death_dates("known", rules)}),
        permitted AS (
            SELECT person_id, min(struct_pack(since := "date", since_record := record_id, since_rule := rule_id,
                since_code := code)) AS permission
            FROM known WHERE {among("rule_id", rule.permissions)} GROUP BY person_id
        ),
        given AS (
            SELECT person_id, "date" AS valid_from, max(coalesce(end_date, {OPEN})) AS valid_to, min(code) AS code
            FROM known WHERE {among("rule_id", rule.permissions)} GROUP BY ALL
        ),
        crossed AS (
            SELECT person_id, "date" AS day, sum(CASE WHEN {inwards} THEN 1 ELSE -1 END) AS way,
                min({chosen}) FILTER (WHERE {inwards}) AS seen_in,
                min({chosen}) FILTER (WHERE NOT {inwards}) AS seen_out
            FROM known WHERE {among("rule_id", (*rule.arrivals, *rule.departures))} GROUP BY ALL HAVING way <> 0
        ),
        alive AS (
            SELECT person_id, day, way > 0 AS is_arrival, CASE WHEN way > 0 THEN seen_in ELSE seen_out END AS seen,
                death_date, false AS is_death
            FROM crossed LEFT JOIN death USING (person_id) WHERE coalesce(day < death_date, true)
        ),
        ended AS (
            SELECT person_id, max(death_date) AS day, false, max_by(seen, day), max(death_date), true
            FROM alive WHERE death_date IS NOT NULL GROUP BY person_id HAVING max_by(is_arrival, day)
        )
        SELECT crossing.* EXCLUDE (seen), seen.rule_id, seen.record_id, permission.*,
            coalesce(seen.code, CASE WHEN day < valid_to THEN given.code END) AS code
        FROM (SELECT * FROM alive UNION ALL SELECT * FROM ended) AS crossing
            LEFT JOIN permitted USING (person_id)
            ASOF LEFT JOIN given ON given.person_id = crossing.person_id AND crossing.day >= given.valid_from"""


def residence_stays(crossed: pl.DataFrame, rule: ResidenceRule, day: date) -> pl.DataFrame:
    """Return the stays by one rule, in the columns of `make_classified_stays`.

    `crossed` is that of `_crossings`, with at least one row. `days` and `absent_days` are those that the rule counts
    after an arrival and after a departure; `more_than_days` and `absent_more_than_days` are one less than it needs.
    """
    crossings = Crossings(
        crossed["person_id"].rle_id().diff().fill_null(1).to_numpy() != 0,
        _days(crossed["day"]),
        crossed["is_arrival"].to_numpy(),
    )
    observed_to = (day - EPOCH).days
    first = crossed[crossings.first]
    long_before = (first["day"] - first["since"]).dt.total_days() >= int(rule.resident_before_days.value)
    resident = np.repeat(long_before.fill_null(value=False).to_numpy(), crossings.count)
    followed = rule.follow(crossings, resident, observed_to)
    begins, ends, branch = _stays(crossings, followed)
    return _described(crossed, crossings, followed, begins, ends, branch, rule, day)


def _days(dates: pl.Series) -> Days:
    return dates.cast(pl.Int32).to_numpy()


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
        turn=pl.Series(np.where(crossings.turn < NEVER, crossings.turn, 0), dtype=pl.Int32).cast(pl.Date),
    )
    described = ("day", "is_arrival", "is_death", "rule_id", "record_id", "spent", "needed")
    start = rows[begins]
    end = rows.select(pl.col(described).name.prefix("end_"))[np.where(ends == NOBODY_KNOWS, 0, ends)]
    stays = start.hstack(end).with_columns(branch=pl.Series(branch, dtype=pl.String), seen=pl.Series(ends >= 0))
    before, short = pl.col("branch") == "present_before", pl.col("branch") == "too_short"
    unseen_end = short & ~pl.col("seen")
    # who died while away, before the absence was long enough, had not left for good
    away = pl.col("seen") & ~pl.col("end_is_death")
    died_away = away & (pl.col("death_date") - pl.col("end_day")).dt.total_days().le(pl.col("end_needed"))
    dies = (pl.col("seen") & pl.col("end_is_death")) | (died_away.fill_null(value=False) & ~short)
    stop = (
        pl.when(dies).then("death_date").when("seen").then("end_day").when(unseen_end).then("turn")
        .otherwise(date(9999, 12, 31))
    )  # fmt: skip
    start_day = pl.when(before).then("since").otherwise("day")
    ended = pl.when("seen")
    why = (
        pl.when(dies & pl.col("branch").is_in(["may_go_on", "may_return", "too_short"])).then(pl.lit("died_before"))
        .otherwise("branch")
    )  # fmt: skip
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
    )  # fmt: skip
