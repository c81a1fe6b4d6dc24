"""Spells by the form `by_group`: every spell of a person in one group, and measured by the rule of that group.

A spell of presence by any rule is a unit. The composite definition chooses and completes the rules of people; here it
does so for units, each of which is taken for a person of its own.
"""

from rules.composite import completed_spells
from rules.forms.by_group import ByGroup
from rules.forms.spells import OPEN, SPELL, spells_from_presence
from rules.model import PersonRules
from rules.sql_text import among, quoted

UNSEEN_ENDS = ("assumed", "permission_end")
"""Ends that nobody saw: the end of a course or a permission is no departure if others see the person later."""


def spells_by_group(rules: PersonRules, rule: ByGroup) -> str:
    """Return SQL of `stay_rule` and the columns of spells.

    Reads `known` and the tables `spells_of_<rule>` of the rules that its groups name. Evidence lies in a unit if any
    of its days does.
    """
    names = list(dict.fromkeys(group.stay for group in rule.groups))
    everything = " UNION ALL ".join(
        f"SELECT {quoted(one)} AS stay_rule, {SPELL} FROM spells_of_{one}" for one in names
    )
    unit_columns = SPELL.replace("person_id", "unit AS person_id", 1)
    person_columns = SPELL.replace("person_id", "unit.person_id", 1)
    unseen_end = among("own.end_reason", UNSEEN_ENDS)
    return f"""
        WITH every AS ({everything}),
        unit AS (
            SELECT person_id, start AS opens, stop AS closes, row_number() OVER (ORDER BY person_id, start) AS unit
            FROM ({spells_from_presence("every", rule.absent_more_than_days)})
        ),
        spell AS (
            SELECT stay_rule, {unit_columns}
            FROM every JOIN unit USING (person_id) WHERE start BETWEEN opens AND closes
        ),
        {_rules_of_each_unit(rule, names)},
        {completed_spells(rule.groups, rule.same_arrival_days, rules.spell_rules, unseen_end)}
        SELECT stay_rule, {person_columns} FROM composite JOIN unit ON composite.person_id = unit.unit"""


def _rules_of_each_unit(rule: ByGroup, names: list[str]) -> str:
    """Choose the rule of each unit, that of the first group that applies and knows of presence, and the next rule."""
    knows = {name: f"bool_or(stay_rule = {quoted(name)})" for name in names}
    applies = [
        f"CASE WHEN {knows[group.stay]} AND bool_or({among('rule_id', group.evidence)}) THEN {quoted(group.stay)} END"
        for group in rule.groups[:-1]
    ]
    others = [f"CASE WHEN {knows[name]} THEN {quoted(name)} END" for name in (rule.groups[-1].stay, *names)]
    rules = ", ".join([*applies, *others])
    return f"""
        found AS (
            SELECT person_id, stay_rule, NULL::VARCHAR AS rule_id FROM spell
            UNION ALL
            SELECT unit, NULL, rule_id FROM known JOIN unit USING (person_id)
            WHERE "date" <= closes
                AND coalesce(end_date - 1, CASE kind WHEN 'permission' THEN {OPEN} ELSE "date" END) >= opens
        ),
        applied AS (
            SELECT person_id, stays[1] AS stay_rule, list_filter(stays, lambda one: one <> stays[1])[1] AS next_rule
            FROM (
                SELECT person_id, list_filter([{rules}], lambda one: one IS NOT NULL) AS stays
                FROM found GROUP BY person_id
            )
        )"""
