"""Unfinished stays and absences: the probability that they count, as the share of like cases of the year before.

A case is unfinished on the data date while it is too recent to be classified. Of the cases that were as recent on the
same day a year before, seen in the same extracts, the share that counts by now (has lasted, by most definitions) is
known. Each definition has shares of its own.
"""

import duckdb

from pipeline.schemas import COUNTED_STAYS
from pipeline.tables import make_table
from rules.forms.spells import OPEN
from rules.model import PersonRules
from rules.sql_text import among


def make_shares(connection: duckdb.DuckDBPyConnection, rules: PersonRules, now: str, before: str) -> None:
    """Make `share_that_stayed` and `share_that_left`: what became of the cases of the year before.

    `before` and `now` are tables of `make_classified_stays`, a year apart. Cases are grouped by definition, stay
    rule, longest absence that ends no stay (that after a whole year of weeks differs: most such gaps are no
    departures), whether the person is still present, route (the code of the stay, such as the kind of visa: of
    students most stay, of visitors few), nationality group and days since the start (or end) in bands. A stay dated
    again is the same one if it begins, or ends, at most `same_stay_days` from where it did; a short-term
    one, if it begins on the same day. A short-term stay that has ended meanwhile, and that a return alone can still
    make part of residence, is taken for one that counts.

    Whoever came a year ago and is still here may not be known to stay yet, because weeks are delivered once a year.
    Such cases are censored, not lost (E. L. Kaplan and P. Meier, J. American Statistical Association 53, 1958): first
    the shares of those that are resolved are taken, then all cases count, the open ones at the share of cases as old
    as they are now. Leaving them out would leave out those who stay.
    """
    today = f"(SELECT max(known_until) FROM {now})"
    undecided = f"(SELECT *, NULL::DOUBLE AS probability, NULL::DOUBLE AS left_for_good FROM {now})"
    _count_cases(connection, rules, undecided, before, today, OF_RESOLVED)
    make_stays(connection, rules, now, OF_RESOLVED)
    _count_cases(connection, rules, f"{OF_RESOLVED}stay", before, today)


OF_RESOLVED = "resolved_"
"""Before the names of tables that rest on resolved cases alone."""


def _count_cases(
    connection: duckdb.DuckDBPyConnection, rules: PersonRules, now: str, before: str, today: str, prefix: str = ""
) -> None:
    """Make the tables of shares from the cases of `before`; those open `now` count at their probability, if any."""
    band = rules.unfinished.band_days.at(today)
    near = rules.unfinished.same_stay_days
    near_start, near_stop = near.at("old.start"), near.at("old.stop")
    ended_meanwhile = f"(old.leaves = 'with_stay' AND new.status = 'unfinished' AND new.stop < {OPEN})"
    became = f"coalesce({among('new.status', COUNTED_STAYS)} OR {ended_meanwhile}, false)"
    make_table(
        connection,
        f"{prefix}unfinished_stay",
        f"""
        SELECT old.definition, old.stay_rule, old.absent_more_than_days, {_route("old")} AS route, nationality_group,
            (old.known_until - old.start) // {band} AS band, old.stop = {OPEN} AS present,
            CASE WHEN bool_or({became}) THEN 1.0
                WHEN bool_or(coalesce(new.status = 'unfinished', false))
                    THEN max(new.probability) FILTER (WHERE new.status = 'unfinished')
                ELSE 0.0 END AS became
        FROM {before} AS old JOIN person USING (person_id)
            LEFT JOIN {now} AS new ON new.person_id = old.person_id AND new.definition = old.definition
                AND new.start <= old.start + {near_start} AND new.stop > old.start
                AND (old.leaves <> 'with_stay' OR new.start = old.start)
        WHERE old.status = 'unfinished'
        GROUP BY old.definition, old.stay_rule, old.absent_more_than_days, route, nationality_group, band, present,
            old.person_id, old.start
        """,
    )
    gone = f"coalesce(new.stop < {OPEN} AND new.end_reason <> 'death', false)"
    make_table(
        connection,
        f"{prefix}unfinished_absence",
        f"""
        SELECT old.definition, old.stay_rule, old.absent_more_than_days, {_route("old")} AS route, nationality_group,
            (old.known_until - old.stop) // {band} AS band, false AS present,
            CASE WHEN bool_or({gone} AND new.absent_days > new.absent_more_than_days) THEN 1.0
                WHEN bool_or({gone}) THEN max(new.left_for_good) FILTER (WHERE {gone})
                ELSE 0.0 END AS became
        FROM {before} AS old JOIN person USING (person_id)
            LEFT JOIN {now} AS new ON new.person_id = old.person_id AND new.definition = old.definition
                AND new.stop BETWEEN old.stop - {near_stop} AND old.stop + {near_stop}
        WHERE {_absence_is_open("old")}
        GROUP BY old.definition, old.stay_rule, old.absent_more_than_days, route, nationality_group, band,
            old.person_id, old.stop
        """,
    )
    for cases, share in (("unfinished_stay", "share_that_stayed"), ("unfinished_absence", "share_that_left")):
        make_table(connection, f"{prefix}{share}", _shares(f"{prefix}{cases}", rules, today))


DIVISIONS = ("route", "nationality_group", "band")
"""By which shares are divided, each division within the ones before it."""


def _route(table: str) -> str:
    return f"coalesce({table}.code, 'none')"


def _shares(cases: str, rules: PersonRules, today: str) -> str:
    """Return SQL of the share of `cases` that lasted, of all, and by each of `DIVISIONS` (null: all of them).

    The share of few cases is drawn towards that of the next coarser division, as if `prior_cases` more had its share
    (empirical Bayes; Efron and Morris, Data analysis using Stein's estimator, 1975).
    """
    kind, prior = "definition, stay_rule, absent_more_than_days, present", rules.unfinished.prior_cases.at(today)
    keys = [", ".join((kind, *DIVISIONS[:divided])) for divided in range(len(DIVISIONS) + 1)]
    of_all = "divided_0 AS (SELECT *, round(lasted / cases, 6) AS share FROM counted WHERE divided = 0)"
    drawn = (
        f"""
        divided_{divided} AS (
            SELECT counted.*, round((lasted + {prior} * wider.share) / (cases + {prior}), 6) AS share
            FROM counted JOIN (SELECT {keys[divided - 1]}, share FROM divided_{divided - 1}) AS wider
                USING ({keys[divided - 1]})
            WHERE divided = {divided}
        )"""
        for divided in range(1, len(keys))
    )
    return f"""
        WITH counted AS (
            SELECT {keys[-1]}, {len(DIVISIONS)} - bit_count(grouping({", ".join(DIVISIONS)})) AS divided,
                count(*)::DOUBLE AS cases, sum(CAST(round(became * 1000000) AS BIGINT)) / 1e6 AS lasted
            FROM {cases} WHERE became IS NOT NULL
            GROUP BY GROUPING SETS ({", ".join(f"({one})" for one in keys)})
        ),
        {", ".join([of_all, *drawn])}
        {" UNION ALL ".join(f"SELECT * FROM divided_{divided}" for divided in range(len(keys)))}"""


def _absence_is_open(table: str) -> str:
    return (
        f"{table}.leaves = 'by_absence' AND {table}.stop < {OPEN} AND {table}.end_reason <> 'death'"
        f" AND {table}.absent_days <= {table}.absent_more_than_days"
    )


def make_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, classified: str, prefix: str = "") -> None:
    """Make `stay`: the rows of `classified` with the `probability` that they count, and `left_for_good`.

    The latter is the probability that their end is an emigration: by `leaves`, which says whether the absence decides
    (`by_absence`), the end counts if the stay does (`with_stay`), or it never does. Without any case of the year
    before, an open stay or an absence counts at `probability_without_cases`, and a stay that has ended, which only a
    return could lengthen, as zero.
    """
    band = rules.unfinished.band_days.at("classified.known_until")
    unknown = rules.unfinished.probability_without_cases.at("classified.known_until")
    present = f"classified.stop = {OPEN}"
    stayed = _nearest_share(
        f"{prefix}share_that_stayed",
        f"(classified.known_until - classified.start) // {band}",
        present,
        f"CASE WHEN {present} THEN {unknown} ELSE 0.0 END",
    )
    left = _nearest_share(
        f"{prefix}share_that_left", f"(classified.known_until - classified.stop) // {band}", "false", unknown
    )
    make_table(
        connection,
        f"{prefix}stay",
        f"""
        SELECT * REPLACE (CASE WHEN leaves = 'with_stay' AND left_for_good > 0 THEN probability
            ELSE left_for_good END AS left_for_good)
        FROM (
            SELECT classified.*,
                CASE WHEN {among("status", COUNTED_STAYS)} THEN 1.0
                     WHEN status <> 'unfinished' THEN 0.0 ELSE {stayed} END AS probability,
                CASE WHEN leaves = 'never' OR stop = {OPEN} OR end_reason = 'death' THEN 0.0
                     WHEN leaves = 'with_stay' OR absent_days > absent_more_than_days THEN 1.0
                     ELSE {left} END AS left_for_good
            FROM {classified} AS classified JOIN person USING (person_id)
        )
        """,
    )


def _nearest_share(table: str, band: str, present: str, unknown: str) -> str:
    """Return SQL of the share of the finest division that has any case of the year before."""
    of_case = {"route": _route("classified"), "nationality_group": "person.nationality_group", "band": band}
    same_rule = f"""SELECT share FROM {table} AS s
            WHERE s.definition = classified.definition AND s.stay_rule = classified.stay_rule
            AND s.present = ({present})
            AND s.absent_more_than_days IS NOT DISTINCT FROM classified.absent_more_than_days"""
    shares = [
        f"({same_rule} AND divided = {divided}"
        + "".join(f" AND s.{one} = {of_case[one]}" for one in DIVISIONS[:divided])
        + ")"
        for divided in range(len(DIVISIONS), -1, -1)
    ]
    return f"coalesce({', '.join(shares)}, {unknown})"
