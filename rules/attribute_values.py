"""The values of an attribute in the places from which it is read: a column of an extract, or those of the mother."""

from collections.abc import Mapping

from rules.model import FAMILY, MOTHER, Attribute, PersonRules
from rules.sql_text import among, quoted


def values_in_places(attribute: Attribute, rules: PersonRules, source_of: Mapping[str, str]) -> str:
    """Return SQL of `precedence, source, person_id, value`: the trusted values of people in each place, as recorded.

    `source_of` has the source of every extract of the study; a study need not have every source of the rule set.
    Families are left out: they are known only when the attributes of all people are.
    """
    sql_type = "DATE" if attribute.id == "birth_month" else "VARCHAR"
    values = f"SELECT 0 AS precedence, '' AS source, 0 AS person_id, CAST(NULL AS {sql_type}) AS value WHERE false"
    for precedence, place in enumerate(attribute.read):
        extract, _, column = place.partition(".")
        if place == FAMILY:
            continue
        if place == MOTHER:
            values += f" UNION ALL {_values_of_mothers(precedence, values)}"
        elif extract in source_of:
            condition = trusted(attribute, place, rules)
            values += f" UNION ALL {values_in_extract(precedence, extract, column, source_of[extract], condition)}"
    return values


def trusted(attribute: Attribute, place: str, rules: PersonRules) -> str:
    """Return the condition on `value` under which the value in a place is trusted."""
    if place not in attribute.only:
        return "value IS NOT NULL"
    return among("value", [str(one) for name in attribute.only[place] for one in rules.lists[name]])


def values_in_extract(precedence: int, extract: str, column: str, source: str, trusted: str) -> str:
    """Choose the value of each person in one extract: the most frequent, then the one on the latest record."""
    return f"""
        SELECT {precedence} AS precedence, {quoted(source)} AS source, person_id,
            first(value ORDER BY frequency DESC, latest DESC) AS value
        FROM (
            SELECT person_id, "{column}" AS value, count(*) AS frequency, max(record_id) AS latest
            FROM records_{extract} JOIN member USING (subject_id)
            WHERE member.source = {quoted(source)} GROUP BY person_id, "{column}"
        ) WHERE {trusted} GROUP BY person_id"""


def _values_of_mothers(precedence: int, values: str) -> str:
    """Return the mother's value by the child's `person_id`; `values` is the SQL of the places read before."""
    return f"""
        SELECT {precedence} AS precedence, {quoted(MOTHER)} AS source, child.person_id,
            first(value ORDER BY before.precedence) AS value
        FROM mothers JOIN member AS child USING (source, subject_id)
            JOIN member AS mother ON mother.source = mother_source AND mother.subject_id = mother_subject_id
            JOIN ({values}) AS before ON before.person_id = mother.person_id
        GROUP BY child.person_id"""


def grouped(attribute: Attribute, rules: PersonRules) -> str:
    """Return SQL of the group of a recorded `value`, or of the value itself without groups."""
    if attribute.groups is None:
        return "value"
    branches = " ".join(
        f"WHEN {among('value', [str(one) for one in rules.lists[members]])} THEN {quoted(group)}"
        for group, members in attribute.groups.lists.items()
    )
    return f"CASE {branches} ELSE {quoted(attribute.groups.otherwise)} END"
