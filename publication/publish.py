"""The stage `publish`: all tables in one folder, the manifest that makes a run reproducible, and the report."""

import json

import polars as pl

from pipeline.disk import link_files
from pipeline.schemas import Assumptions, save
from pipeline.stage import StageContext, StageResult
from pipeline.study import digest_of_file
from pipeline.tables import write_text
from publication.csv_tables import write_csv_tables
from publication.manifest import build_manifest
from publication.report import write_report
from publication.run_folder import MANIFEST, TABLES
from publication.skipped_steps import skipped_steps
from publication.stages import PublishStudy


def publish(context: StageContext[PublishStudy]) -> StageResult:
    """Write `tables/`, the manifest and, if it is asked for, the report, from the results of all stages before."""
    context.report("collecting tables")
    tables = context.out / TABLES
    link_files({name: record.folder / name for record in context.records.values() for name in record.outputs}, tables)
    digests = {name: digest for record in context.records.values() for name, digest in record.outputs.items()}
    skipped = save(skipped_steps(context.records), "skipped", tables)
    texts = dict.fromkeys(Assumptions.column_names(), pl.String)
    assumed = save(pl.DataFrame(list(context.study.assumptions), schema=texts), "assumptions", tables)
    digests |= {path.name: digest_of_file(path) for path in (skipped, assumed, *write_csv_tables(tables))}
    manifest = build_manifest(context.study, context.records, digests, tables)
    sentence = f"{len(digests)} tables and the manifest"
    if context.study.report:
        context.report("drawing the report")
        write_report(context.out, manifest=manifest)
        sentence = f"{len(digests)} tables, the manifest and a report"
    write_text(json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n", context.out / MANIFEST)
    return StageResult(counts={"tables": len(digests)}, sentence=sentence)
