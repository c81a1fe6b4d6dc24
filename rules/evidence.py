"""The stage `evidence`: what each record says, one row a saying, by the evidence rules of the study."""

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult
from pipeline.tables import connect, query, view
from rules.language import quoted
from rules.model import EvidenceRule, Lists
from rules.names import columns_of, extract_of, rule_as_sql
from rules.stages import EvidenceStudy


def evidence(context: StageContext[EvidenceStudy]) -> StageResult:
    """Read `records/` of the stage ingest and write `evidence`.

    Rules whose source the study has no files for are idle, and the result says so. What a rule cannot date,
    and intervals that end before they begin, say nothing; they are counted as warnings.
    """
    part, delivered = context.study.rules, context.study.contracts
    active = [rule for rule in part.rules if rule.source in delivered]
    connection = connect(context.threads)
    for extract in sorted({rule.extract for rule in active}):
        view(connection, **{f"records_{extract}": context.folders["ingest"] / "records" / f"{extract}.parquet"})
    said = said_by_rules(connection, active, part.lists, delivered)
    save(said.filter(pl.col("flaw").is_null()).drop("flaw"), "evidence", context.out)
    sources = said["source"].n_unique()
    rows = said["flaw"].null_count()
    return StageResult(
        counts={"rows": rows, "rules": len(active), "set_aside": said.height - rows},
        sentence=f"{rows:,} pieces of evidence from {sources} sources by {len(active)} rules",
        warnings=(*_idle(part.rules, delivered), *_flaws(said)),
    )


def said_by_rules(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[EvidenceRule],
    lists: Lists,
    contracts: Mapping[str, SourceContract],
) -> pl.DataFrame:
    """Return what the rules read in the views `records_<extract>`: the columns of `evidence`, and `flaw`.

    `flaw` says why a row says nothing after all (undated, or ends before it begins); null in good rows.
    """
    selects = [_select(rule, lists, contracts) for rule in rules]
    return query(
        connection,
        f"""
        SELECT *,
            CASE WHEN "date" IS NULL THEN 'has no date'
                 WHEN end_date <= "date" THEN 'ends before it begins' END AS flaw
        FROM ({" UNION ALL ".join(selects)})
        """,
    )


def _select(rule: EvidenceRule, lists: Lists, contracts: Mapping[str, SourceContract]) -> str:
    sql = rule_as_sql(rule, lists, contracts)
    columns = columns_of(extract_of(rule, contracts, f"evidence rule '{rule.id}'"))
    clause = f"WHERE {sql.get('when', 'true')}"
    if "unless.earlier" in sql:
        # a window looks at all records of the subject, also at those on which the rule itself does not fire
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


def _idle(rules: Sequence[EvidenceRule], delivered: Mapping[str, SourceContract]) -> tuple[str, ...]:
    idle = sorted({rule.source for rule in rules if rule.source not in delivered})
    return (f"no rule on {', '.join(idle)} applies: the study names no extract of it",) if idle else ()


def _flaws(said: pl.DataFrame) -> tuple[str, ...]:
    counted = said.drop_nulls("flaw").group_by("rule_id", "flaw").len().sort("rule_id", "flaw")
    return tuple(
        f"evidence rule '{rule}': {count:,} records say nothing, because what they say {flaw}"
        for rule, flaw, count in counted.iter_rows()
    )
