"""Unfinished stays and absences: the probability that they last, as the share of like cases of the year before.

A case is unfinished on the data date while it is too recent to be classified. Of the cases that were as recent on the
same day a year before, seen in the same extracts, the share that has since lasted is known.
"""

import duckdb

from pipeline.tables import make_table
from rules.forms.spells import OPEN
from rules.model import PersonRules
from rules.sql_text import quoted


def make_shares(connection: duckdb.DuckDBPyConnection, rules: PersonRules, now: str, before: str) -> None:
    """Make `share_that_stayed` and `share_that_left`: what became of the cases of the year before.

    `before` and `now` are tables of `make_classified_stays`, a year apart. Cases are grouped by stay rule, longest
    absence that ends no stay (that after a whole year of weeks differs: most such gaps are no departures), whether
    the person is still present, nationality group and days since the start (or end) in bands. A stay dated again is
    the same one if it begins, or ends, at most `same_stay_days` from where it did.
    """
    published = quoted(rules.published)
    today = f"(SELECT max(known_until) FROM {now})"
    band = rules.unfinished.band_days.at(today)
    near = rules.unfinished.same_stay_days
    near_start, near_stop = near.at("old.start"), near.at("old.stop")
    make_table(
        connection,
        "unfinished_stay",
        f"""
        SELECT old.stay_rule, old.absent_more_than_days, nationality_group,
            (old.known_until - old.start) // {band} AS band, old.stop = {OPEN} AS present,
            bool_or(coalesce(new.status = 'long_term', false)) AS became,
            bool_or(coalesce(new.status = 'unfinished' AND new.stop = {OPEN}, false)) AS open
        FROM {before} AS old JOIN person USING (person_id)
            LEFT JOIN {now} AS new ON new.person_id = old.person_id AND new.definition = {published}
                AND new.start <= old.start + {near_start} AND new.stop > old.start
        WHERE old.definition = {published} AND old.status = 'unfinished'
        GROUP BY old.stay_rule, old.absent_more_than_days, nationality_group, band, present, old.person_id, old.start
        """,
    )
    make_table(
        connection,
        "unfinished_absence",
        f"""
        SELECT old.stay_rule, old.absent_more_than_days, nationality_group,
            (old.known_until - old.stop) // {band} AS band, false AS present,
            bool_or(coalesce(new.stop < {OPEN} AND new.end_reason <> 'death'
                AND new.absent_days > new.absent_more_than_days, false)) AS became, false AS open
        FROM {before} AS old JOIN person USING (person_id)
            LEFT JOIN {now} AS new ON new.person_id = old.person_id AND new.definition = {published}
                AND new.stop BETWEEN old.stop - {near_stop} AND old.stop + {near_stop}
        WHERE old.definition = {published} AND {_absence_is_open("old")}
        GROUP BY old.stay_rule, old.absent_more_than_days, nationality_group, band, old.person_id, old.stop
        """,
    )
    for cases, share in (("unfinished_stay", "share_that_stayed"), ("unfinished_absence", "share_that_left")):
        make_table(connection, share, _shares(cases, rules, today))


def _shares(cases: str, rules: PersonRules, today: str) -> str:
    """Return SQL of the share of `cases` that lasted, of all, by group, and by group and band (null: all of them).

    The share of few cases is drawn towards that of the next coarser division, as if `prior_cases` more had its share
    (empirical Bayes; Efron and Morris, Data analysis using Stein's estimator, 1975).
    """
    kind, prior = "stay_rule, absent_more_than_days, present", rules.unfinished.prior_cases.at(today)
    drawn = f"round((lasted + {prior} * wider.share) / (cases + {prior}), 6) AS share"
    return f"""
        WITH counted AS (
            SELECT {kind}, nationality_group, band,
                count(*)::DOUBLE AS cases, count(*) FILTER (WHERE became) AS lasted
            FROM {cases} WHERE became OR NOT open
            GROUP BY GROUPING SETS (({kind}), ({kind}, nationality_group), ({kind}, nationality_group, band))
        ),
        of_kind AS (
            SELECT {kind}, nationality_group, band, round(lasted / cases, 6) AS share
            FROM counted WHERE nationality_group IS NULL AND band IS NULL
        ),
        of_group AS (
            SELECT {kind}, counted.nationality_group, counted.band, {drawn}
            FROM counted JOIN of_kind AS wider USING ({kind})
            WHERE counted.nationality_group IS NOT NULL AND counted.band IS NULL
        ),
        of_band AS (
            SELECT {kind}, nationality_group, counted.band, {drawn}
            FROM counted JOIN of_group AS wider USING ({kind}, nationality_group) WHERE counted.band IS NOT NULL
        )
        SELECT * FROM of_kind UNION ALL SELECT * FROM of_group UNION ALL SELECT * FROM of_band"""


def _absence_is_open(table: str) -> str:
    return (
        f"{table}.status = 'long_term' AND {table}.stop < {OPEN} AND {table}.end_reason <> 'death'"
        f" AND {table}.absent_days <= {table}.absent_more_than_days"
    )


def make_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, classified: str) -> None:
    """Make `stay`: the rows of `classified` with their `probability` of being long-term, and `left_for_good`.

    Without any case of the year before, an open stay or an absence counts at `probability_without_cases`, and a stay
    that has ended, which only a return could lengthen, as zero.
    """
    band = rules.unfinished.band_days.at("classified.known_until")
    unknown = rules.unfinished.probability_without_cases.at("classified.known_until")
    present = f"classified.stop = {OPEN}"
    stayed = _nearest_share(
        "share_that_stayed",
        f"(classified.known_until - classified.start) // {band}",
        present,
        f"CASE WHEN {present} THEN {unknown} ELSE 0.0 END",
    )
    left = _nearest_share(
        "share_that_left", f"(classified.known_until - classified.stop) // {band}", "false", unknown
    )
    make_table(
        connection,
        "stay",
        f"""
        SELECT classified.*,
            CASE status WHEN 'long_term' THEN 1.0 WHEN 'short_term' THEN 0.0 ELSE {stayed} END AS probability,
            CASE WHEN status <> 'long_term' OR stop = {OPEN} OR end_reason = 'death' THEN 0.0
                 WHEN absent_days > absent_more_than_days THEN 1.0 ELSE {left} END AS left_for_good
        FROM {classified} AS classified JOIN person USING (person_id)
        """,
    )


def _nearest_share(table: str, band: str, present: str, unknown: str) -> str:
    same_rule = f"""SELECT share FROM {table} AS s
            WHERE s.stay_rule = classified.stay_rule AND s.present = ({present})
            AND s.absent_more_than_days = classified.absent_more_than_days"""
    return f"""coalesce(
        ({same_rule} AND s.nationality_group = person.nationality_group AND s.band = {band}),
        ({same_rule} AND s.nationality_group = person.nationality_group AND s.band IS NULL),
        ({same_rule} AND s.nationality_group IS NULL AND s.band IS NULL),
        {unknown})"""
