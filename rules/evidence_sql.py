"""One evidence rule as SQL over the records of its extract."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import Extract, SourceContract
from rules.language.compiler import ColumnType, Expression, ValueType, names_of, typed_expression
from rules.model import EvidenceRule, EvidenceRules
from rules.other_rows import predicate_as_sql
from rules.parameters import Parameter
from rules.sql_text import quoted

TYPES: dict[str, ValueType] = {
    "text": "text", "code": "text", "date": "date", "datetime": "date", "year": "date",
    "integer": "number", "decimal": "number", "boolean": "boolean",
}  # fmt: skip
"""The type of the language for each column type of a contract."""


@dataclass(frozen=True)
class CompiledRule:
    """The expressions of an evidence rule by key, and its predicates over other rows as SQL by name."""

    keys: Mapping[str, Expression]
    predicates: Mapping[str, str] = field(default_factory=dict)

    def sql(self, key: str, missing: str) -> str:
        """Return the SQL of a key, or `missing` if the rule does not give it."""
        return self.keys[key].sql if key in self.keys else missing


def rule_as_sql(rule: EvidenceRule, rules: EvidenceRules, contracts: Mapping[str, SourceContract]) -> str:
    """Return the SELECT over the view `records_<extract>` that gives the columns of `evidence`, one row a piece."""
    where = f"evidence rule '{rule.id}'"
    found = compiled_rule(rule, rules, contracts, where)
    columns = columns_of(extract_of(rule, contracts, where))
    records, date = f"records_{rule.extract}", found.keys["date"].sql
    if found.predicates:
        # over all records of the subject, including those on which the rule does not fire
        other_rows = "".join(f', {sql} AS "{name}"' for name, sql in found.predicates.items())
        records = f"(SELECT *{other_rows} FROM records_{rule.extract} AS own)"
    return f"""
        SELECT {quoted(rule.source)} AS source, record_id, subject_id, {quoted(rule.id)} AS rule_id,
            {quoted(rule.kind)} AS kind, {date} AS "date",
            {found.sql("end_date", "CAST(NULL AS DATE)")} AS end_date,
            {quoted(rule.date_quality)} AS date_quality,
            coalesce({found.sql("known_on", date)}, {date}) AS known_on,
            CAST({found.sql("value", "NULL")} AS DOUBLE) AS "value",
            CAST({found.sql("code", "NULL")} AS VARCHAR) AS code,
            {"area" if "area" in columns else "CAST(NULL AS VARCHAR)"} AS area
        FROM {records}
        WHERE {found.sql("when", "true")}
        """


def compiled_rule(
    rule: EvidenceRule, rules: EvidenceRules, contracts: Mapping[str, SourceContract], where: str
) -> CompiledRule:
    """Return the expressions of an evidence rule as SQL.

    Raises `UserError` that begins with `where` (the file and the rule) and the key.
    """
    columns = columns_of(extract_of(rule, contracts, where))
    known = {**rules.parameters, **rule.parameters}

    def compiled(
        key: str, text: str, wanted: ValueType, names: Mapping[str, ColumnType], day: str | None
    ) -> Expression:
        place = f"{where}, key '{key}'"
        return typed_expression(text, names, rules.lists, place, wanted, parameters=known, day=day)

    date = compiled("date", rule.date, "date", columns, None)
    predicates, types = {}, {}
    for name, other in rule.other_rows.items():
        place = f"{where}, other_rows '{name}'"
        if name in columns:
            raise UserError(f"{place}: the extract has a column of this name. Give the predicate another one.")
        key = f"other_rows.{name}.{other.form}"
        condition = compiled(key, other.condition, "boolean", columns, date.sql).sql if other.condition else ""
        windows = {key: _window(one, known, f"{place}, key '{key}'") for key, one in other.windows.items()}
        in_force = _in_force(other.in_force, rule, rules, contracts, place) if other.in_force else None
        predicates[name] = predicate_as_sql(other.form, date.sql, windows, condition, in_force[0] if in_force else "")
        types[name] = in_force[1] if in_force else ColumnType("number" if other.count else "boolean")
    wanted: list[tuple[str, str | None, ValueType]] = [
        ("end_date", rule.end_date, "date"),
        ("when", rule.when, "boolean"),
        ("value", rule.value, "number"),
        ("code", rule.code, "text"),
        ("known_on", rule.known_on, "date"),
    ]
    keys = {
        key: compiled(key, text, value_type, {**columns, **types}, date.sql)
        for key, text, value_type in wanted
        if text is not None
    }
    return CompiledRule({"date": date, **keys}, predicates)


def expressions_of(rule: EvidenceRule) -> list[tuple[str, str]]:
    """Return the key and the text of every expression of an evidence rule, and the windows of its predicates."""
    plain = [(key, getattr(rule, key)) for key in ("date", "end_date", "when", "value", "code", "known_on")]
    others = [
        (f"other_rows.{name}.{part}", text)
        for name, one in rule.other_rows.items()
        for part, text in ((one.form, one.condition), *one.windows.items())
    ]
    return [(key, text) for key, text in (*plain, *others) if text is not None]


def names_in_expressions(rules: EvidenceRules) -> frozenset[str]:
    """Return the lists and parameters that the expressions of evidence rules name, without their dollar."""
    texts = (text for rule in rules.rules for _, text in expressions_of(rule))
    return frozenset(name for text in texts for name in names_of(text)[0])


def _window(text: str, known: Mapping[str, Parameter], where: str) -> Parameter:
    """Return the parameter that a window names as `$name`."""
    if not text.startswith("$"):
        raise UserError(f"{where}: '{text}' is not the name of a parameter. Declare one, and write \"$its_name\".")
    if text[1:] not in known:
        raise unknown("parameter", text[1:], known, where)
    if known[text[1:]].unit not in ("days", "weeks", "months", "years"):
        raise UserError(f"{where}: a window is a span of time, but the unit of {text} is {known[text[1:]].unit}.")
    return known[text[1:]]


def _in_force(
    name: str, rule: EvidenceRule, rules: EvidenceRules, contracts: Mapping[str, SourceContract], where: str
) -> tuple[str, ColumnType]:
    """Return the SQL of another rule on the same source, whose evidence may be in force, and the type of its code."""
    found = {one.id: one for one in rules.rules}
    if name not in found:
        raise unknown("evidence rule", name, found, where)
    other = found[name]
    if other.source != rule.source:
        raise UserError(
            f"{where}: '{name}' reads the source '{other.source}', but a record of '{rule.source}' has no other rows "
            "than those of its own source. Choose a rule on that source."
        )
    if other.end_date is None or any(one.in_force for one in other.other_rows.values()):
        raise UserError(
            f"{where}: only a rule with an 'end_date', and without an 'in_force' of its own, gives what is in force "
            f"on a day. Choose another rule than '{name}'."
        )
    compiled = compiled_rule(other, rules, contracts, where)
    code = compiled.keys.get("code")
    return rule_as_sql(other, rules, contracts), ColumnType(
        "text", code.column.codes if code is not None and code.column is not None else None
    )


def extract_of(rule: EvidenceRule, contracts: Mapping[str, SourceContract], where: str) -> Extract:
    """Return the extract that a rule reads; raises `UserError` with the nearest name."""
    if rule.source not in contracts:
        raise unknown("source", rule.source, contracts, where)
    extracts = contracts[rule.source].extracts
    if rule.extract not in extracts:
        raise unknown(f"extract of '{rule.source}'", rule.extract, extracts, where)
    return extracts[rule.extract]


def columns_of(extract: Extract) -> dict[str, ColumnType]:
    """Return the columns that rules may read in the records of an extract, with their types and codes."""
    columns = {
        name: ColumnType(TYPES[column.type], column.meanings if column.codes else None)
        for name, column in extract.attributes.items()
    }
    if extract.has_date_of_birth:
        columns["birth_month"] = ColumnType("date")
    if extract.has_postcode:
        columns["area"] = ColumnType("text")
    return columns
