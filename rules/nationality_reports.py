"""What the sources report of each person's nationality, and what people answer who were asked what they are now."""

from collections.abc import Mapping, Sequence
from datetime import date

from pipeline.schemas import NATIONALITY_GROUPS
from rules.attribute_values import grouped, trusted, values_in_extract
from rules.model import FAMILY, MOTHER, Attribute, PersonRules
from rules.sql_text import among, quoted

CERTAIN = "certain"
"""The report on people whose group a certain place tells, and none contradicts."""
SILENT, ABSENT, UNTRUSTED = "silent", "absent", "untrusted"
"""What a source reports without a value, one that does not know the person, and one whose value is not trusted."""


def reports(attribute: Attribute, rules: PersonRules, source_of: Mapping[str, str], data_date: date) -> str:
    """Return SQL with one row per person: the `report` of the sources, the group that is `told`, and other traits.

    `report` is `CERTAIN`, or what the sources report that are not certain; of people whom certain ones contradict,
    what these report. `told` is the certain group, else that of the first place in order, else of the family
    (`told_by_family`), else empty. `mother_id` is the person of a linked mother. Further traits: `arrived`, `active`,
    `born_here` (evidence of each), `born_in` and `known_for` (in bands, of birth and of the time that evidence
    spans), `is_child` and `by_family`.
    """
    one, places, day = rules.nationality, _places(attribute, source_of), f"DATE '{data_date}'"
    certain = {source_of[place.partition(".")[0]] for place in places if place in one.certain}
    values = """SELECT 0 AS precedence, '' AS source, 0 AS person_id, '' AS "group", false AS certain WHERE false"""
    for precedence, place in enumerate(places):
        extract, _, column = place.partition(".")
        in_extract = values_in_extract(precedence, extract, column, source_of[extract], "value IS NOT NULL")
        told = f"CASE WHEN {trusted(attribute, place, rules)} THEN {grouped(attribute, rules)} ELSE '{UNTRUSTED}' END"
        values += f""" UNION ALL SELECT precedence, source, person_id, {told}, {quoted(place in one.certain)}
                FROM ({in_extract})"""
    others = dict.fromkeys(source_of[place.partition(".")[0]] for place in places)
    reported = ", ".join(
        f"""coalesce(first(told."group" ORDER BY told.precedence) FILTER (WHERE told.source = {quoted(source)}),
                    CASE WHEN bool_or(member.source = {quoted(source)}) THEN '{SILENT}' ELSE '{ABSENT}' END)"""
        for source in others
        if source not in certain
    )
    signs = {"arrived": one.arrivals, "active": one.activity, "born_here": one.births}
    evidence = ", ".join(f"bool_or({among('rule_id', rule_ids)}) AS {name}" for name, rule_ids in signs.items())
    return f"""
        WITH told AS ({values}),
        reported AS (
            SELECT member.person_id, {f"concat_ws(' ', {reported})" if reported else "''"} AS others,
                coalesce(list_sort(list(DISTINCT told."group") FILTER (WHERE certain)), []) AS certain_groups,
                first(told."group" ORDER BY told.precedence) FILTER (WHERE told."group" <> '{UNTRUSTED}') AS told
            FROM member LEFT JOIN told USING (person_id, source) GROUP BY member.person_id
        ),
        of_mother AS (
            SELECT child.person_id, min(mother.person_id) AS mother_id
            FROM mothers JOIN member AS child USING (source, subject_id)
                JOIN member AS mother ON mother.source = mother_source AND mother.subject_id = mother_subject_id
            WHERE mother.person_id <> child.person_id GROUP BY child.person_id
        ),
        trait AS (
            SELECT person_id, (max("date") - min("date")) // {one.known_within.on(data_date)} AS known_for, {evidence}
            FROM person_evidence GROUP BY person_id
        )
        SELECT person_id, mother_id,
            CASE len(certain_groups) WHEN 1 THEN '{CERTAIN}' WHEN 0 THEN others
                ELSE array_to_string(certain_groups, ' ') END AS report,
            coalesce(reported.told, of_family."group", '') AS told,
            reported.told IS NULL AND of_family."group" IS NOT NULL AS told_by_family,
            coalesce(arrived, false) AS arrived, coalesce(active, false) AS active,
            coalesce(born_here, false) AS born_here,
            coalesce(year(birth_month) // {one.born_within.on(data_date)}, -1) AS born_in,
            coalesce(birth_month > {day} - {one.children_below.interval(day)}, false) AS is_child,
            coalesce(known_for, 0) AS known_for, coalesce(of_family."group", '{ABSENT}') AS by_family
        FROM reported JOIN person_by_source USING (person_id) LEFT JOIN trait USING (person_id)
            LEFT JOIN of_mother USING (person_id) LEFT JOIN ({_family(rules)}) AS of_family USING (person_id)"""


def answers(places: Sequence[str], attribute: Attribute, rules: PersonRules, source_of: Mapping[str, str]) -> str:
    """Return SQL of `person_id, group`: what people answered, by the latest record of the first place with one."""
    answered = "SELECT 0 AS precedence, 0 AS person_id, '' AS value, 0 AS record_id WHERE false"
    for precedence, place in enumerate(places):
        extract, _, column = place.partition(".")
        answered += f"""
            UNION ALL SELECT {precedence}, person_id, "{column}", record_id
            FROM records_{extract} JOIN clusters USING (subject_id)
            WHERE draw = 0 AND clusters.source = {quoted(source_of[extract])} AND "{column}" IS NOT NULL"""
    return f"""
        SELECT person_id, {grouped(attribute, rules)} AS "group" FROM (
            SELECT person_id, first(value ORDER BY precedence, record_id DESC) AS value FROM ({answered})
            GROUP BY person_id
        ) SEMI JOIN member USING (person_id)"""


def naturalised(cases: float) -> str:
    """Return SQL of `group, known_for, british`: the share of people of a certain group who answer British now.

    By the time that evidence on them spans, since few naturalise soon and nobody who has gone; drawn towards 0 as if
    so many more `cases` had not. Other changes are taken for mistakes.
    """
    groups = ", ".join(f"({quoted(one)})" for one in NATIONALITY_GROUPS)
    return f"""
        SELECT one."group", band.known_for, CASE WHEN one."group" = 'British' THEN 0.0
            ELSE round(count(now."group") FILTER (WHERE now."group" = 'British')
                / (count(now."group") FILTER (WHERE now."group" IN ('British', one."group")) + {cases}), 6)
            END AS british
        FROM (VALUES {groups}) AS one("group")
            CROSS JOIN (SELECT DISTINCT known_for FROM nationality_report) AS band
            LEFT JOIN nationality_report AS report
                ON report.report = '{CERTAIN}' AND report.told = one."group" AND report.known_for = band.known_for
            LEFT JOIN nationality_asked AS now ON now.person_id = report.person_id
        GROUP BY one."group", band.known_for"""


def _places(attribute: Attribute, source_of: Mapping[str, str]) -> list[str]:
    """Return the delivered places from which nationality is read, in order."""
    return [
        place for place in attribute.read
        if place not in (MOTHER, FAMILY) and place.partition(".")[0] in source_of
    ]  # fmt: skip


def _family(rules: PersonRules) -> str:
    """Return SQL of the group of most adults of a family with a source; of equally frequent ones, the first."""
    if rules.household is None:
        return """SELECT 0 AS person_id, '' AS "group" WHERE false"""
    return """
            SELECT person_id, first("group" ORDER BY adults DESC, "group") AS "group" FROM (
                SELECT family.person_id, adult.nationality_group AS "group", count(*) AS adults
                FROM family JOIN person_by_source AS adult ON adult.person_id = adult_id
                WHERE adult.nationality_group IS NOT NULL GROUP BY ALL
            ) GROUP BY person_id"""
