"""The stage `evidence`: what each record shows, one row per piece of evidence, by the evidence rules of the study."""

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from pipeline.ingest.accepted_rows import check_accepted_rows
from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult
from pipeline.tables import connect, query, view
from rules.delivered_sources import without_evidence
from rules.evidence_sql import rule_as_sql
from rules.model import EvidenceRule, EvidenceRules
from rules.stages import EvidenceStudy


def evidence(context: StageContext[EvidenceStudy]) -> StageResult:
    """Read `records/` of the stage ingest and write `evidence`.

    Rules whose source has no files in the study do not apply. Records that a rule cannot date, and intervals that end
    before they begin, give no evidence. Warnings report both, and rules that fire on no record. Raises `UserError`
    if a source that rules read has an extract without a record. Without a rule that applies, nothing is written.
    """
    part, delivered = context.study.rules, context.study.contracts
    skip = without_evidence(part, delivered, "evidence")
    if skip is not None:
        return StageResult.skipped(skip)
    active = [rule for rule in part.rules if rule.source in delivered]
    check_accepted_rows(context.folders["ingest"], _read_by(active, delivered), context.study.study_file)
    connection = connect(context.threads)
    for extract in sorted({rule.extract for rule in active}):
        view(connection, **{f"records_{extract}": context.folders["ingest"] / "records" / f"{extract}.parquet"})
    pieces = apply_evidence_rules(connection, active, part, delivered)
    save(pieces.filter(pl.col("flaw").is_null()).drop("flaw"), "evidence", context.out)
    sources = pieces["source"].n_unique()
    rows = pieces["flaw"].null_count()
    return StageResult(
        counts={"rows": rows, "rules": len(active), "unusable": pieces.height - rows},
        sentence=f"{rows:,} pieces of evidence from {sources} sources by {len(active)} rules",
        warnings=(*_without_source(part.rules, delivered), *_without_record(active, pieces), *_flaws(pieces)),
    )


def apply_evidence_rules(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[EvidenceRule],
    part: EvidenceRules,
    contracts: Mapping[str, SourceContract],
) -> pl.DataFrame:
    """Return what some rules of `part` read in the views `records_<extract>`: the columns of `evidence`, and `flaw`.

    `flaw` says why a row is no evidence (undated, or it ends before it begins); null in usable rows.
    """
    return query(connection, pieces_as_sql([rule_as_sql(rule, part, contracts) for rule in rules]))


def pieces_as_sql(rules: Sequence[str]) -> str:
    """Return SQL of what some rules (each as SQL) read, with `flaw`: why a row is no evidence."""
    return f"""
        SELECT *,
            CASE WHEN "date" IS NULL THEN 'they have no date'
                 WHEN end_date <= "date" THEN 'they end before they begin' END AS flaw
        FROM ({" UNION ALL ".join(rules)})
        """


def _without_source(rules: Sequence[EvidenceRule], delivered: Mapping[str, SourceContract]) -> tuple[str, ...]:
    sources = sorted({rule.source for rule in rules if rule.source not in delivered})
    return (f"no rule on {', '.join(sources)} applies: the study has no files of it",) if sources else ()


def _without_record(active: Sequence[EvidenceRule], pieces: pl.DataFrame) -> tuple[str, ...]:
    fired = set(pieces["rule_id"])
    return tuple(
        f"evidence rule '{rule.id}' fires on no record of {rule.extract}: for the rules on people, there is none"
        for rule in active
        if rule.id not in fired
    )


def _read_by(active: Sequence[EvidenceRule], delivered: Mapping[str, SourceContract]) -> dict[str, str]:
    """Return why evidence needs an extract, by extract: all of each source, since one may describe its people."""
    readers = {rule.source: f"rules such as '{rule.id}' read the source '{rule.source}'" for rule in reversed(active)}
    return {extract: why for source, why in readers.items() for extract in delivered[source].extracts}


def _flaws(pieces: pl.DataFrame) -> tuple[str, ...]:
    counted = pieces.drop_nulls("flaw").group_by("rule_id", "flaw").len().sort("rule_id", "flaw")
    return tuple(
        f"evidence rule '{rule}': {count:,} records give no evidence, because {flaw}"
        for rule, flaw, count in counted.iter_rows()
    )
