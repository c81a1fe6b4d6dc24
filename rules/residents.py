"""Usual residents on reference dates, by each family of residence rules: people with enough signs, less exclusions.

Departures and lengths of stay come from the stays of the published definition, so that stocks and flows are about the
same people; which people are candidates is for `rules/families/` to say.
"""

from collections.abc import Sequence

import duckdb
import polars as pl

from pipeline.errors import UserError
from pipeline.tables import make_table, query
from rules.families import ResidentFamily
from rules.model import AnyExclusion, Away, CountSign, PersonRules, Removed, Sign, Unlikely, WeeksSign
from rules.sql_text import among, quoted


def residents_table(
    connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return `residents` on 30 June of each year, and warnings.

    Reads `person_evidence`, `person`, `stay` and `contradiction`.
    """
    warnings = make_residents(connection, rules, years)
    return query(connection, "SELECT * FROM resident"), warnings


def make_residents(
    connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]
) -> tuple[str, ...]:
    """Make `resident`: the candidates of each family on 30 June of each year, whether residents or excluded.

    `probability` is that of the stay or absence on the date if it is unfinished, else 1 or 0; its sum is the expected
    number of residents. `trimmed` (the trimmed list) requires a sign in the window before the date and another in a
    window of the same length after it; `trimming_depth` says how much more a resident has. Returns a warning for each
    family that cannot be measured; raises `UserError` if that is the published one.
    """
    days = ", ".join(f"(DATE '{year}-06-30')" for year in years)
    make_table(connection, "reference", f"SELECT * FROM (VALUES {days}) AS days(reference_date)")
    make_table(connection, "standing", _standing(rules))
    _make_signs(connection, rules, min(years))
    warnings: list[str] = []
    for family in rules.families:
        warnings += _not_measured(family, rules, family.prepare(connection, years))
        make_table(connection, f"candidates_of_{family.id}", family.candidates())
    decided = (
        f"SELECT {quoted(one.id)} AS family, person_id, reference_date, decided_by, trimming_depth, start, stop,"
        f" status, probability, left_for_good, here_after_all, {_excluded_by(one)} AS excluded_by,"
        f" {_certainly_not(one, rules)} AS certainly_not, CAST({one.presence} AS DOUBLE) AS presence,"
        f" {one.presence} >= {one.present_from} AS likely, {_leaves_by_stays(one, rules)} AS leaves_by_stays"
        f" FROM candidates_of_{one.id} JOIN standing USING (person_id, reference_date)"
        for one in rules.families
    )
    make_table(
        connection,
        "resident",
        f"""
        SELECT person_id, reference_date, family, family = {quoted(rules.published_family)} AS published,
            excluded_by IS NULL AND likely AS resident,
            presence * CASE WHEN certainly_not OR (excluded_by IS NOT NULL AND start IS NULL) THEN 0.0
                WHEN status = 'unfinished' THEN probability
                WHEN leaves_by_stays AND status = 'long_term' AND stop <= reference_date THEN 1.0 - left_for_good
                WHEN leaves_by_stays AND here_after_all IS NOT NULL THEN here_after_all
                ELSE 1.0 END AS probability,
            excluded_by IS NULL AND likely AND trimming_depth > 0 AS trimmed,
            CASE WHEN excluded_by IS NULL AND likely THEN trimming_depth ELSE 0 END AS trimming_depth,
            coalesce(excluded_by, decided_by) AS decided_by
        FROM ({" UNION ALL ".join(decided)})
        """,
    )
    return tuple(warnings)


def _not_measured(family: ResidentFamily, rules: PersonRules, reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return a warning for each reason why a family cannot be measured; raises `UserError` if it is published."""
    if reasons and family.id == rules.published_family:
        raise UserError(
            f"the family of residence rules '{family.id}' is refused: {'; '.join(reasons)}. So the rule set cannot "
            "publish residents by it: name another family as 'published_family'."
        )
    return tuple(f"the family of residence rules '{family.id}' is not measured: {one}" for one in reasons)


def _leaves_by_stays(family: ResidentFamily, rules: PersonRules) -> str:
    """Return SQL of whether absences by the published definition count for a family."""
    away = {one.id for one in rules.exclusions if isinstance(one, Away)}
    return quoted(bool(away & set(family.unless)))


def _make_signs(connection: duckdb.DuckDBPyConnection, rules: PersonRules, first_year: int) -> None:
    """Make `residence_sign`: what families use, on the dates that are wanted and those that a family remembers."""
    used = {name for family in rules.families for name in family.all_signs}
    remembered = dict.fromkeys(used, 0)
    for family in rules.families:
        remembered |= {name: max(remembered[name], family.memory_years) for name in family.all_signs}
    signs = [one for one in rules.signs if one.id in used]
    for one in signs:
        make_table(connection, f"sign_{one.id}", _sign(one, remembered[one.id], first_year))
    make_table(connection, "residence_sign", " UNION ALL ".join(f"SELECT * FROM sign_{one.id}" for one in signs))


def _standing(rules: PersonRules) -> str:
    """Return SQL of what is known of every person on every date without signs, from birth on.

    That is the last stay of the published definition that began by the date, and which exclusions apply.
    """
    excluded = "".join(f", coalesce({_applies(one)}, false) AS is_{one.id}" for one in rules.exclusions)
    return f"""
        WITH published_stay AS (SELECT * FROM stay WHERE definition = {quoted(rules.published)}),
        newcomers AS (
            SELECT person_id, min_by(start_kind, start) = 'arrival' AS newcomer FROM published_stay GROUP BY person_id
        )
        SELECT candidate.person_id, candidate.reference_date, s.start, s.stop, s.status, s.probability,
            s.left_for_good, CASE WHEN departed < candidate.reference_date AND s.stop = until
                THEN came_back END AS here_after_all{excluded}
        FROM (
            SELECT person_id, reference_date, death_date FROM person CROSS JOIN reference
            -- a list of a later day includes children born after the date
            WHERE coalesce(birth_month <= reference_date, true)
        ) AS candidate
            ASOF LEFT JOIN published_stay AS s
                ON candidate.person_id = s.person_id AND candidate.reference_date >= s.start
            LEFT JOIN newcomers ON newcomers.person_id = candidate.person_id
            LEFT JOIN contradiction ON contradiction.person_id = candidate.person_id"""


def _excluded_by(family: ResidentFamily) -> str:
    """Return SQL of the first exclusion of a family that applies; null without one."""
    branches = " ".join(f"WHEN is_{name} THEN {quoted(name)}" for name in family.unless)
    return f"CASE {branches} END" if branches else "CAST(NULL AS VARCHAR)"


def _certainly_not(family: ResidentFamily, rules: PersonRules) -> str:
    """Return SQL of whether that exclusion leaves no doubt: the person has died, or stays too briefly."""
    certain = [one.id for one in rules.exclusions if one.form in ("dead", "short_stay", "removed")]
    return f"coalesce({among(_excluded_by(family), certain)}, false)"


def _sign(sign: Sign, remembered_years: int, first_year: int) -> str:
    """One row per person with evidence near a reference date: whether it counts, and on which side of the date it is.

    The dates are those that are wanted, and the same day of the years before that a family remembers.
    """
    first, last = {
        "start": ('"date"', '"date"'),
        "end": ('coalesce(end_date - 1, "date")', 'coalesce(end_date - 1, "date")'),
        "overlap": ('"date"', "coalesce(end_date - 1, DATE '9999-12-31')"),
    }[sign.at]
    window = sign.months_before.interval("reference_date")
    before, after = f"reference_date - {window}", f"reference_date + {window}"
    after_date = sign.months_after and sign.months_after.interval("reference_date")
    until = f"reference_date + {after_date}" if after_date else "reference_date"
    never = (
        "AND NOT EXISTS (SELECT 1 FROM person_evidence AS other WHERE other.person_id = person_evidence.person_id"
        f" AND {among('other.rule_id', sign.never_with)}"
        ' AND coalesce(other.end_date, other."date") <= reference_date)'
        if sign.never_with
        else ""
    )
    born, young = (
        (
            "JOIN (SELECT person_id, birth_month FROM person) USING (person_id)",
            f"AND birth_month > reference_date - {sign.below_age.interval('reference_date')}",
        )
        if sign.below_age
        else ("", "")
    )
    earlier = "".join(
        f" UNION ALL SELECT DATE '{first_year - back}-06-30'" for back in range(1, remembered_years + 1)
    )
    inside = f"{last} > {before} AND {first} <= {until}"
    counts = {
        "any": f"bool_or({inside})",
        "count": f"count(*) FILTER (WHERE {inside}) >= {_at_least(sign)}",
        "weeks": f"coalesce(sum(CAST(value AS BIGINT)) FILTER (WHERE {inside}), 0) >= {_at_least(sign)}",
    }[sign.form]
    return f"""
        SELECT person_id, reference_date, {quoted(sign.id)} AS sign, {quoted(sign.source_family)} AS source_family,
            {counts} AS counts,
            bool_or({last} > {before} AND {first} <= reference_date) AS before,
            bool_or({last} > reference_date AND {first} <= {after}) AS after
        FROM person_evidence JOIN (SELECT reference_date FROM reference{earlier}) AS days
            ON {last} > {before} AND {first} <= greatest({until}, {after}) {born}
        WHERE {among("rule_id", sign.evidence)} {never} {young}
        GROUP BY person_id, reference_date"""


def _at_least(sign: Sign) -> str:
    return sign.at_least.at("reference_date") if isinstance(sign, CountSign | WeeksSign) else "1"


def _applies(one: AnyExclusion) -> str:
    """Return the condition of an exclusion; `start` to `stop` is the last stay that began by the date, if any."""
    if isinstance(one, Away):
        likely = f"left_for_good >= {one.from_probability.at('stop')}"
        return f"(start IS NULL AND newcomer) OR (stop <= reference_date AND status = 'long_term' AND {likely})"
    if isinstance(one, Unlikely):
        return f"status = 'unfinished' AND probability < {one.below_probability.at('start')}"
    if isinstance(one, Removed):
        coded = among("e.code", one.codes) if one.codes else "true"
        # NULL if nothing of the kind happened by the date: then the comparison does not hold
        last = """(SELECT max("date") FROM person_evidence AS e WHERE e.person_id = candidate.person_id
            AND e."date" <= candidate.reference_date AND {which})"""
        removed = last.format(which=f"{among('e.rule_id', one.evidence)} AND {coded}")
        seen = last.format(which=among("e.rule_id", one.returns))
        return f"{removed} >= coalesce({seen}, DATE '0001-01-01')"
    return {"dead": "death_date <= reference_date", "short_stay": "status = 'short_term'"}[one.form]
