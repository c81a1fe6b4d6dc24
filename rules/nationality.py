"""Nationality groups with probabilities: where sources contradict each other or tell nothing, and as people are now.

A value in a place that the rule set calls certain holds, unless another such place contradicts it. Everybody else has
each group with the share of it among people alike: with the same country of birth or none, come from abroad or not,
active or not, born here or not, with a family of one group, of one age. Nobody is British for want of a record.

Registers know nationality of some people alone: of those who came with a visa, for work or to study. Of others, those
are known whom a survey has asked, whoever they are. Before any answer, people are taken to be what a less certain
place tells, and else what it tells of people alike. Children are compared with children: those who came from abroad
and whose nationality no source reports are mostly foreign, and adults of whom the same is known are British who
return. People naturalise, which registers do not learn and answers
show: by the share of people of certain nationality who answer that they are British, shares among answers become
those at registration. Children take what is known of a linked mother, as births do in the account, and those born
here of a mother on no register what is known of such women. Of people who
have a family, but no such mother, answers tell less than the family: many children of foreign parents are British by
birth.
"""

from collections.abc import Mapping
from datetime import date

import duckdb
import numpy as np
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.tables import content_of, make_table, make_table_of, query
from rules.model import NATIONALITY, PersonRules
from rules.nationality_reports import ABSENT, CERTAIN, answers, naturalised, reports
from rules.people_alike import Floats, shares_among_alike

TOLD_AS = ("arrived", "born_here", "active", "born_in")
"""Traits by which people of whom nothing is told are like others of whom something is."""
KNOWN_AS = ("report", "by_family", "arrived", "active", "born_here", "born_in")
"""Traits by which people are like those who were asked, the most telling first."""
OF_CHILDREN = KNOWN_AS[:3]
"""Children are compared at once by all of these: what sources report, the family, and that they came."""
TOLD_BY_FAMILY_AS = ("by_family", *TOLD_AS)
"""Traits by which people of whom the family tells are like others with such a family, who tell themselves."""
TRAITS = tuple(dict.fromkeys((*KNOWN_AS, *TOLD_AS)))
PATTERN = (*TRAITS, "is_child", "told", "told_by_family", "known_for")
"""What people of one pattern have in common."""
BRITISH = NATIONALITY_GROUPS.index("British")
WHOLE = 1_000_000
"""Probabilities are counted in millionths, so that sums are exact."""


def make_nationality(
    connection: duckdb.DuckDBPyConnection,
    rules: PersonRules,
    contracts: Mapping[str, SourceContract],
    data_date: date,
) -> None:
    """Make `person_nationality`: `person_id, view, group, probability`, from the records of people and `family`.

    The view is `registration`, and `current` in a study with a source that asks what people are now. Reads the tables
    `member`, `person_evidence`, `person_by_source`, `family` (if the rules have households) and the views `mothers`,
    `clusters` and `records_<extract>`. Groups without any probability have no row.
    """
    attribute = next(one for one in rules.attributes if one.id == NATIONALITY)
    source_of = {extract: source for source, contract in contracts.items() for extract in contract.extracts}
    asked = [place for place in rules.nationality.asked_now if place.partition(".")[0] in source_of]
    right, cases = (
        float(one.on(data_date)) for one in (rules.nationality.source_is_right, rules.nationality.prior_cases)
    )
    make_table(connection, "nationality_asked", answers(asked, attribute, rules, source_of))
    make_table(connection, "nationality_report", reports(attribute, rules, source_of, data_date))
    make_table(connection, "nationality_change", naturalised(cases))
    make_table(connection, "nationality_pattern", _patterns())
    make_table_of(
        connection,
        "nationality_of_pattern",
        repr((*(content_of(connection, f"nationality_{one}") for one in ("pattern", "change")), right, cases)),
        lambda: _estimated(
            query(connection, "SELECT * FROM nationality_pattern ORDER BY pattern"),
            query(connection, "SELECT * FROM nationality_change"),
            right=right,
            cases=cases,
        ),
    )
    mothers_known = float(rules.nationality.mothers_known.on(data_date))
    make_table(connection, "registered_nationality", _with_mothers(right, cases, mothers_known))
    make_table(connection, "person_nationality", _views(has_current=bool(asked)))


def _patterns() -> str:
    """Return SQL of the distinct patterns of people without a certain group: how many there are, what they answer.

    Those who have a linked mother are left out of the numbers.
    """
    answered = ", ".join(
        f"""count(*) FILTER (WHERE asked."group" = '{one}' AND mother_id IS NULL) AS answered_{one}"""
        for one in NATIONALITY_GROUPS
    )
    traits = ", ".join(PATTERN)
    return f"""
        SELECT row_number() OVER (ORDER BY {traits}) AS pattern, * FROM (
            SELECT {traits}, count(*) FILTER (WHERE mother_id IS NULL) AS people, {answered}
            FROM nationality_report LEFT JOIN nationality_asked AS asked USING (person_id)
            WHERE report <> '{CERTAIN}' GROUP BY ALL
        )"""


def _estimated(patterns: pl.DataFrame, change: pl.DataFrame, *, right: float, cases: float) -> pl.DataFrame:
    """Return `pattern, group, probability, answer`: of each group, at registration, and as an answer now."""
    groups = len(NATIONALITY_GROUPS)
    told = np.stack([(patterns["told"] == one).to_numpy() for one in NATIONALITY_GROUPS], axis=1).astype(np.float64)
    counted = told * patterns["people"].to_numpy()[:, None]
    overall = np.tile((counted.sum(axis=0) + 1) / (counted.sum() + groups), (patterns.height, 1))
    alike = shares_among_alike(counted, patterns.select(TOLD_AS), overall, cases)
    assumed = np.where(told.sum(axis=1, keepdims=True) > 0, right * told + (1 - right) * alike, alike)
    by_family = patterns.select("told_by_family").to_numpy()
    tell_themselves = np.where(by_family, 0.0, counted)
    of_families = shares_among_alike(tell_themselves, patterns.select(TOLD_BY_FAMILY_AS), assumed, cases)
    assumed = np.where(by_family, of_families, assumed)
    answered = patterns.select(f"answered_{one}" for one in NATIONALITY_GROUPS).to_numpy().astype(np.float64)
    is_child, known_as = patterns.select("is_child").to_numpy(), patterns.select(KNOWN_AS)
    of_all = shares_among_alike(answered, known_as, assumed, cases)
    of_children = shares_among_alike(np.where(is_child, answered, 0.0), known_as, assumed, cases, len(OF_CHILDREN))
    answer = np.where(is_child, of_children, of_all)
    registered = _at_registration(answer, _british_since(patterns, change)) if answered.any() else answer
    has_family = patterns.select(pl.col("by_family") != ABSENT).to_numpy()
    return pl.DataFrame(
        {
            "pattern": np.repeat(patterns["pattern"].to_numpy(), groups),
            "group": NATIONALITY_GROUPS * patterns.height,
            "probability": np.where(has_family, assumed, registered).ravel().round(6),
            "answer": answer.ravel().round(6),
        }
    )


def _british_since(patterns: pl.DataFrame, change: pl.DataFrame) -> Floats:
    """Return the share of each group that has become British, for each pattern."""
    by_group = change.pivot("group", index="known_for", values="british")
    found = patterns.select("known_for").join(by_group, on="known_for", how="left", maintain_order="left")
    return found.select(NATIONALITY_GROUPS).fill_null(0.0).to_numpy()


def _at_registration(answer: Floats, british: Floats) -> Floats:
    """Return the shares at registration: more people were foreign than answer so, by those who are British since."""
    registered = answer / (1 - british)
    foreign = registered.sum(axis=1) - registered[:, BRITISH]
    registered /= np.maximum(foreign, 1.0)[:, None]
    registered[:, BRITISH] = 1 - np.minimum(foreign, 1.0)
    return registered


def _with_mothers(right: float, cases: float, mothers_known: float) -> str:
    """Return SQL of `person_id, group, probability, answer`: the mother's, for children without a certain group.

    `answer` is the share of those alike who give it, for people who do not have a certain group; else null. If nearly
    all children born here have a linked mother (the share `mothers_known`), the mothers of the others are on no
    register of mothers: they are taken for women who are on none but work here, as old as linked mothers are, drawn
    towards what is known of the child as if `cases` more were so. What is known of the child's family goes first.
    """
    return f"""
        WITH own AS (
            SELECT person_id, told AS "group", 1.0 AS probability, CAST(NULL AS DOUBLE) AS answer
            FROM nationality_report WHERE report = '{CERTAIN}'
            UNION ALL
            SELECT person_id, "group", probability, answer
            FROM nationality_report
                JOIN nationality_pattern USING ({", ".join(PATTERN)})
                JOIN nationality_of_pattern USING (pattern)
        ), child AS (
            SELECT person_id, mother_id FROM nationality_report WHERE report <> '{CERTAIN}' AND mother_id IS NOT NULL
        )
        , motherless AS (
            SELECT person_id, by_family FROM nationality_report
            WHERE born_here AND mother_id IS NULL AND report <> '{CERTAIN}' AND {mothers_known} <= (
                SELECT count(mother_id) / count(*) FROM nationality_report WHERE born_here)
        ), linked_mother AS (
            SELECT quantile_disc(year(birth_month), [0.05, 0.95]) AS born
            FROM (SELECT DISTINCT mother_id FROM child) JOIN person_by_source ON person_id = mother_id
        ), woman AS (
            SELECT person_id FROM nationality_report JOIN person_by_source USING (person_id)
            WHERE active AND sex = 'F' AND (SELECT year(birth_month) BETWEEN born[1] AND born[2] FROM linked_mother)
                AND NOT EXISTS (
                    FROM member WHERE member.person_id = nationality_report.person_id
                        AND source IN (SELECT mother_source FROM mothers))
        ), of_women AS (
            SELECT "group", CAST(sum(CAST(round({WHOLE} * probability) AS BIGINT)) AS DOUBLE) / {WHOLE} AS women
            FROM own JOIN woman USING (person_id) GROUP BY "group"
        ), of_motherless AS (
            SELECT person_id, "group", answer, CASE by_family WHEN '{ABSENT}' THEN alike
                ELSE round({right} * CAST(by_family = "group" AS INTEGER) + {1 - right} * alike, 6) END AS probability
            FROM (
                SELECT person_id, "group", answer, by_family, round((coalesce(women, 0) + {cases} * probability)
                    / ((SELECT count(*) FROM woman) + {cases}), 6) AS alike
                FROM own JOIN motherless USING (person_id) LEFT JOIN of_women USING ("group")
            )
        )
        SELECT own.* FROM own ANTI JOIN child USING (person_id) ANTI JOIN motherless USING (person_id)
        UNION ALL
        SELECT person_id, "group", probability, answer FROM of_motherless
        UNION ALL
        SELECT child.person_id, mother."group", mother.probability, mother.answer
        FROM child JOIN own AS mother ON mother.person_id = mother_id"""


def _views(*, has_current: bool) -> str:
    """Return SQL of both views: people are now what they answer, else what those alike answer or have become."""
    registered = """
        SELECT person_id, 'registration' AS "view", "group", probability
        FROM registered_nationality WHERE probability > 0"""
    if not has_current:
        return registered
    return f"""{registered}
        UNION ALL
        SELECT person_id, 'current', "group", 1.0 FROM nationality_asked
        UNION ALL
        SELECT person_id, 'current', "group",
            CAST(sum(CAST(round({WHOLE} * probability) AS BIGINT)) AS DOUBLE) / {WHOLE} AS probability
        FROM (
            SELECT person_id, "group", answer AS probability FROM registered_nationality WHERE answer IS NOT NULL
            UNION ALL
            SELECT person_id, unnest(["group", 'British']),
                unnest([probability * (1 - british), probability * british])
            FROM registered_nationality JOIN nationality_report USING (person_id)
                JOIN nationality_change USING ("group", known_for)
            WHERE answer IS NULL
        ) ANTI JOIN nationality_asked USING (person_id)
        WHERE probability > 0 GROUP BY person_id, "group"
        HAVING sum(CAST(round({WHOLE} * probability) AS BIGINT)) > 0"""
