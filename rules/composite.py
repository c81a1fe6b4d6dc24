"""The composite definition: the spells of each person by the stay rule of their group, completed by the next group's.

A rule can know that a person was here and not since when: whoever leaves the country without a recorded arrival or a
permission was here before. Nor does it know until when a person stays who came back without a permission. Where the
rule of a person's group has not seen a start or an end, the spells of the next group that applies to the person, and
has another rule, say what lies before or after. What the first rule has seen is never changed.
"""

from collections.abc import Sequence

from rules.forms.spells import SPELL, spells_from_presence
from rules.forms.stay_rule import SpellRule
from rules.groups import Group
from rules.model import PersonRules
from rules.parameters import Parameter
from rules.sql_text import among, quoted


def composite_spells(rules: PersonRules) -> str:
    """Return SQL of CTEs; the last, `composite`, has `stay_rule` and the columns of spells.

    Reads `known` and `spell` (the spells of all stay rules, with `stay_rule`).
    """
    composite = rules.definition
    return f"""
        {_rules_of_each_person(rules)},
        {completed_spells(composite.groups, composite.same_arrival_days, rules.spell_rules, _unseen_end(rules))}"""


def _unseen_end(rules: PersonRules) -> str:
    """Return SQL of whether nobody has seen a person leave at the end of a spell.

    That is so of whoever came back without a permission. Nor has anybody seen a person leave whose permission ended:
    who is present `still_here_days` later by the next rule, had not left; unless that is the rule for everybody else,
    which keeps people for as long as a list does.
    """
    *_, others = rules.definition.groups
    still_here = rules.definition.still_here_days.at("own.stop")
    return f"""own.end_reason = 'assumed' OR (own.end_reason = 'permission_end'
                AND next.stay_rule <> {quoted(others.stay)}
                AND next.start <= own.stop AND next.stop > own.stop + {still_here})"""


def completed_spells(
    groups: Sequence[Group],
    same_arrival_days: Parameter,
    spell_rules: Sequence[SpellRule],
    unseen_end: str,
) -> str:
    """Return SQL of CTEs by which the next rule completes those of a person's own; the last is `composite`.

    After an end of which `unseen_end` holds (SQL over the spell `own` and that of the next rule, `next`), the next
    rule tells until when the person stayed. Reads `spell` and `applied` (`person_id, stay_rule, next_rule`). The rule
    of a spell is the one that dates its end, because that rule says until when the person can be observed.
    """
    return f"""
        own AS (
            SELECT spell.*, next_rule,
                lag(stop) OVER following AS stop_before, lead(start) OVER following AS start_after
            FROM spell JOIN applied USING (person_id, stay_rule)
            WINDOW following AS (PARTITION BY person_id ORDER BY start)
        ),
        told AS ({_told(same_arrival_days, unseen_end)}),
        completed AS (
            SELECT stay_rule AS own_rule, stay_rule, {SPELL} FROM own SEMI JOIN told USING (person_id)
            UNION ALL
            SELECT own_rule, stay_rule, {SPELL} FROM told
        ),
        composite AS (
            SELECT stay_rule, {SPELL} FROM own ANTI JOIN told USING (person_id)
            UNION ALL {_joined(groups, spell_rules)}
        )"""


def _rules_of_each_person(rules: PersonRules) -> str:
    """Choose the stay rule of each person, that of the first group whose evidence they have, and the next rule."""
    *groups, last = rules.definition.groups
    applies = [f"CASE WHEN bool_or({among('rule_id', one.evidence)}) THEN {quoted(one.stay)} END" for one in groups]
    listed = ", ".join([*applies, quoted(last.stay)])
    return f"""
        applied AS (
            SELECT person_id, stays[1] AS stay_rule, list_filter(stays, lambda one: one <> stays[1])[1] AS next_rule
            FROM (
                SELECT person_id, list_filter([{listed}], lambda one: one IS NOT NULL) AS stays
                FROM known GROUP BY person_id
            )
        )"""


def _told(same_arrival_days: Parameter, unseen_end: str) -> str:
    """Return what the next rule tells: its spells before a start or after an end that the own rule has not seen.

    A person who comes without a permission, and has been present for long by the next rule, comes back. A spell of
    the next rule that begins at most `same_arrival_days` before an arrival is about that arrival.
    """
    same_arrival = same_arrival_days.at("own.start")
    columns = "end_reason, start_rule, start_record, end_rule, end_record, code"
    described = ", ".join(f"next.{name}" for name in columns.split(", "))
    pairs = "own JOIN spell AS next ON next.person_id = own.person_id AND next.stay_rule = own.next_rule"
    return f"""
            SELECT own.stay_rule AS own_rule, next.stay_rule, own.person_id,
                greatest(next.start, stop_before) AS start, least(next.stop, own.start) AS stop,
                next.start_kind, {described}
            FROM {pairs}
            WHERE next.start < own.start AND next.stop >= coalesce(stop_before, next.stop)
                AND (own.start_kind = 'unknown' OR (own.end_reason = 'assumed'
                    AND next.start < own.start - {same_arrival} AND next.stop >= own.start))
            UNION ALL
            SELECT own.stay_rule, next.stay_rule, own.person_id,
                greatest(next.start, own.start), least(next.stop, start_after),
                CASE WHEN next.start <= own.start THEN own.start_kind ELSE next.start_kind END, {described}
            FROM {pairs}
            WHERE ({unseen_end}) AND next.stop > own.start
                AND next.start < coalesce(start_after, next.stop + 1)"""


def _joined(groups: Sequence[Group], spell_rules: Sequence[SpellRule]) -> str:
    """Join what the two rules tell, by the absence that ends a stay of a person's own rule."""
    absences = {rule.id: rule.absent_more_than_days for rule in spell_rules}
    own_rules = sorted({group.stay for group in groups})
    joined = (
        spells_from_presence(
            f"(SELECT * FROM completed WHERE own_rule = {quoted(rule)})", absences[rule], "stay_rule"
        )
        for rule in own_rules
    )
    return " UNION ALL ".join(f"SELECT stay_rule, {SPELL} FROM ({one})" for one in joined)
