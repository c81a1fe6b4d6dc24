"""Households: children leave and return with the adults whom they live with, whatever a list of patients says.

Registers learn of the departure of children late or never, and children give few signs of their own. Mothers are
known from the registration of births; other adults have had the same family name at the same address. The method is
Sojourn's own.
"""

import duckdb

from pipeline.tables import make_table
from rules.forms.spells import OPEN, SPELL, spells_from_presence
from rules.model import FAMILY, Household, PersonRules
from rules.sql_text import among, quoted


def make_family(connection: duckdb.DuckDBPyConnection, household: Household, homes: tuple[str, ...]) -> None:
    """Make the table `family` (`person_id`, `adult_id`): adults whom people have lived with as children.

    Reads `person_by_source`, `member`, the view `mothers` and, for each of the `homes`, the view `tokens_<source>`.
    """
    at_least, at_most = (
        limit.interval("child.birth_month") for limit in (household.younger_by_at_least, household.younger_by_at_most)
    )
    for source in homes:
        make_table(
            connection,
            f"home_{source}",
            f"""
            SELECT DISTINCT person_id, person.birth_month, family_name,
                unnest(list_append(postcodes, postcode)) AS postcode
            FROM tokens_{source} JOIN member USING (subject_id) JOIN person_by_source AS person USING (person_id)
            WHERE member.source = {quoted(source)}
            """,
        )
    together = "".join(
        f"""
        UNION
        SELECT child.person_id, adult.person_id
        FROM home_{source} AS child JOIN home_{source} AS adult USING (postcode, family_name)
        WHERE child.birth_month BETWEEN adult.birth_month + {at_least}
            AND adult.birth_month + {at_most}"""
        for source in homes
    )
    make_table(
        connection,
        "family",
        f"""
        SELECT child.person_id, mother.person_id AS adult_id
        FROM mothers JOIN member AS child USING (source, subject_id)
            JOIN member AS mother ON mother.source = mother_source AND mother.subject_id = mother_subject_id
        WHERE child.person_id <> mother.person_id {together}
        """,
    )


def filled_from_family(rules: PersonRules) -> str:
    """Return SQL of `person`: `person_by_source`, where people without a value may have that of their `family`.

    That is the value of most adults, for an attribute that says so. Only values that an adult has from a source
    count; of equally frequent ones, the first in the alphabet.
    """
    values, joins = "", ""
    for attribute in rules.attributes:
        if rules.household is None or FAMILY not in attribute.read:
            continue
        name, source = attribute.id, f"{attribute.id.removesuffix('_group')}_source"
        none = f"coalesce({{}}.{source}, 'default') IN ('default', {quoted(FAMILY)})"
        filled = f"of_family_{name}.value IS NOT NULL AND {none.format('own')}"
        values += f""",
            CASE WHEN {filled} THEN of_family_{name}.value ELSE own.{name} END AS {name},
            CASE WHEN {filled} THEN {quoted(FAMILY)} ELSE own.{source} END AS {source}"""
        joins += f"""
            LEFT JOIN (
                SELECT person_id, first(value ORDER BY adults DESC, value) AS value
                FROM (
                    SELECT family.person_id, adult.{name} AS value, count(*) AS adults
                    FROM family JOIN person_by_source AS adult ON adult.person_id = adult_id
                    WHERE NOT ({none.format("adult")}) GROUP BY ALL
                ) GROUP BY person_id
            ) AS of_family_{name} ON of_family_{name}.person_id = own.person_id"""
    replaced = f" REPLACE ({values.removeprefix(',')})" if values else ""
    return f"SELECT own.*{replaced} FROM person_by_source AS own{joins}"


def spells_with_household(rules: PersonRules) -> str:
    """Return SQL of CTEs; the last, `with_household`, has the spells of `composite`, and `dated_by`.

    A spell of a child, by a stay rule that follows the family, is interrupted while all adults of the family are
    abroad, unless the child gives a sign of presence. `dated_by` is the person whose evidence dates the end.
    """
    household = rules.household
    if household is None:
        return f"with_household AS (SELECT stay_rule, {SPELL}, person_id AS dated_by FROM composite)"
    follows = among("stay_rule", household.follows)
    absence = max((rule.absent_more_than_days for rule in rules.spell_rules), key=lambda longest: longest.value)
    later = household.sign_after_days.at("family_abroad.stop")
    adults = f"""(
            SELECT family.person_id, adult_id, {SPELL.removeprefix("person_id, ")}, stay_rule
            FROM composite JOIN family ON composite.person_id = adult_id WHERE NOT {follows})"""
    return f"""
        adults_present AS ({spells_from_presence(adults, absence, "stay_rule", "adult_id")}),
        family_abroad AS (
            SELECT *, coalesce(lead(start) OVER following, {OPEN}) AS back,
                lead(start_rule) OVER following AS back_rule, lead(start_record) OVER following AS back_record
            FROM adults_present WINDOW following AS (PARTITION BY person_id ORDER BY start)
        ),
        followed AS (
            SELECT child.person_id, child.start AS spell, family_abroad.stop AS departed,
                back, back_rule, back_record,
                family_abroad.end_reason, family_abroad.end_rule, family_abroad.end_record, family_abroad.stay_rule,
                adult_id
            FROM composite AS child JOIN person USING (person_id) JOIN family_abroad USING (person_id)
            WHERE child.{follows} AND family_abroad.stop < {OPEN} AND family_abroad.end_reason <> 'death'
                AND family_abroad.stop > child.start
                AND family_abroad.stop - {absence.at("family_abroad.stop")} <= child.stop
                AND family_abroad.stop < birth_month + {household.below_age.interval("family_abroad.stop")}
                AND NOT EXISTS (SELECT 1 FROM known WHERE known.person_id = child.person_id
                    AND {among("known.rule_id", household.signs)}
                    AND known."date" >= family_abroad.stop + {later} AND known."date" < back)
        ),
        pieces AS (
            SELECT stay_rule, {SPELL}, person_id AS dated_by FROM composite
            SEMI JOIN followed USING (person_id)
            ANTI JOIN (SELECT person_id, spell AS start FROM followed) AS split USING (person_id, start)
            UNION ALL
            SELECT followed.stay_rule, person_id,
                coalesce(lag(back) OVER following, child.start), departed,
                CASE WHEN lag(back) OVER following IS NULL THEN start_kind ELSE 'arrival' END, followed.end_reason,
                coalesce(lag(back_rule) OVER following, child.start_rule),
                coalesce(lag(back_record) OVER following, child.start_record),
                followed.end_rule, followed.end_record, code, adult_id
            FROM composite AS child JOIN followed USING (person_id) WHERE child.start = spell
            WINDOW following AS (PARTITION BY person_id, spell ORDER BY departed)
            UNION ALL
            SELECT child.stay_rule, person_id, back, child.stop, 'arrival', child.end_reason, back_rule, back_record,
                child.end_rule, child.end_record, code, person_id
            FROM composite AS child JOIN followed USING (person_id) WHERE child.start = spell AND back < child.stop
            QUALIFY row_number() OVER (PARTITION BY person_id, spell ORDER BY departed DESC) = 1
        ),
        with_household AS (
            SELECT stay_rule, {SPELL}, person_id AS dated_by FROM composite ANTI JOIN followed USING (person_id)
            UNION ALL
            SELECT stay_rule, {SPELL}, dated_by
            FROM ({spells_from_presence("pieces", absence, "stay_rule", "dated_by")})
        )"""
