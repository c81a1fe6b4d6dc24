"""One evidence rule as SQL over the records of its extract."""

from collections.abc import Mapping

from pipeline.errors import unknown
from pipeline.ingest.contracts import Extract, SourceContract
from rules.language.compiler import ColumnType, ValueType, compile_expression
from rules.model import EvidenceRule, Lists
from rules.sql_text import quoted

TYPES: dict[str, ValueType] = {
    "text": "text", "code": "text", "date": "date", "datetime": "date", "year": "date",
    "integer": "number", "decimal": "number", "boolean": "boolean",
}  # fmt: skip
"""The type of the language for each column type of a contract."""


def rule_as_sql(rule: EvidenceRule, lists: Lists, contracts: Mapping[str, SourceContract]) -> str:
    """Return the SELECT over the view `records_<extract>` that gives the columns of `evidence`, one row a piece."""
    where = f"evidence rule '{rule.id}'"
    sql = compiled_keys(rule, lists, contracts, where)
    columns = columns_of(extract_of(rule, contracts, where))
    clause = f"WHERE {sql.get('when', 'true')}"
    if "unless.earlier" in sql:
        # a window over all records of the subject, including those on which the rule does not fire
        clause = f"""
            QUALIFY {sql.get("when", "true")} AND coalesce({sql["date"]} <= min({sql["date"]})
                FILTER (WHERE {sql["unless.earlier"]}) OVER (PARTITION BY subject_id), true)"""
    return f"""
        SELECT {quoted(rule.source)} AS source, record_id, subject_id, {quoted(rule.id)} AS rule_id,
            {quoted(rule.kind)} AS kind, {sql["date"]} AS "date",
            {sql.get("end_date", "CAST(NULL AS DATE)")} AS end_date,
            {quoted(rule.date_quality)} AS date_quality,
            coalesce({sql.get("known_on", sql["date"])}, {sql["date"]}) AS known_on,
            CAST({sql.get("value", "NULL")} AS DOUBLE) AS "value",
            CAST({sql.get("code", "NULL")} AS VARCHAR) AS code,
            {"area" if "area" in columns else "CAST(NULL AS VARCHAR)"} AS area
        FROM records_{rule.extract}
        {clause}
        """


def compiled_keys(
    rule: EvidenceRule, lists: Lists, contracts: Mapping[str, SourceContract], where: str
) -> dict[str, str]:
    """Return the expressions of an evidence rule as SQL, by key of the rule.

    Raises `UserError` that begins with `where` (the file and the rule) and the key.
    """
    columns = columns_of(extract_of(rule, contracts, where))
    wanted: list[tuple[str, str | None, ValueType]] = [
        ("date", rule.date, "date"),
        ("end_date", rule.end_date, "date"),
        ("when", rule.when, "boolean"),
        ("unless.earlier", rule.unless.earlier if rule.unless else None, "boolean"),
        ("value", rule.value, "number"),
        ("code", rule.code, "text"),
        ("known_on", rule.known_on, "date"),
    ]
    return {
        key: compile_expression(text, columns, lists, f"{where}, key '{key}'", value_type)
        for key, text, value_type in wanted
        if text is not None
    }


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
