"""What a finished run leaves in Prefect: figures and quality as artifacts, no row about a person.

The tables are those of the run folder, cut to what one looks at first; nothing is computed here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import polars as pl
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.live.run_live import Outcome
from pipeline.schemas import ALL
from pipeline.stage import StageRecord
from pipeline.study import Study
from publication.row_selection import read_run_table
from publication.words import headlines

QUALITY = ("source_l", "source_r", "linked", "match_rate", "expected_precision", "expected_recall", "model")
COVERAGE = ("survey_date", "coverage_class", "factor", "standard_error", "share_missed", "share_erroneous")
LEDGER = ("source", "extract", "file", "rows_in", "accepted", "quarantined", "reasons")
NO_STATISTICS = "**SYNTHETIC DATA, NOT STATISTICS**\n\n"


class Progress:
    """How far a run is, as one artifact that moves."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0
        artifact = create_progress_artifact(0.0, key="progress", description="waiting for the first stage")
        assert isinstance(artifact, UUID), "it is one wherever no event loop runs"
        self._artifact = artifact

    def begins(self, name: str) -> None:
        """Show the step that begins now, and how many have ended."""
        update_progress_artifact(self._artifact, self._share, description=name)

    def ended(self, name: str) -> None:
        """Count one more step as ended."""
        self._done += 1
        update_progress_artifact(self._artifact, self._share, description=f"{name} has ended")

    @property
    def _share(self) -> float:
        return 100 * self._done / self._steps


def leave_stage(record: StageRecord) -> None:
    """Leave the counts of a stage and a link to what it wrote."""
    name = record.stage
    rows: list[dict[str, object]] = [{"count": one, "value": value} for one, value in record.counts.items()]
    rows += [{"count": f"{skip.step}: not measured", "value": skip.reason} for skip in record.skips]
    create_table_artifact(key=f"{name}-counts", table=rows, description=record.sentence)
    link = record.folder.resolve().as_uri()
    create_link_artifact(key=f"{name}-tables", link=link, link_text=f"{name} tables")


def leave_run(study: Study, run: Path, records: Mapping[str, StageRecord]) -> None:
    """Leave the headline of a run, linkage quality, coverage, ledger, checks, and a link to the report."""
    tables = run / "tables"
    lines = headlines(tables) or ["No estimates: the study lacks files that they need."]
    text = "\n".join(f"- {line}" for line in lines)
    create_markdown_artifact(
        f"## {study.name}\n\n{NO_STATISTICS if study.synthetic else ''}{text}\n",
        key="headline",
        description=lines[0],
    )
    for key, name, columns in (
        ("linkage-quality", "linkage_quality", QUALITY),
        ("coverage", "coverage", COVERAGE),
        ("ledger", "ledger", LEDGER),
    ):
        create_table_artifact(key=key, table=_rows(tables, name, columns), description=f"tables/{name}.csv, cut")
    found = checks(run, records)
    wrong = sum(row["result"] != "passed" for row in found)
    create_table_artifact(key="checks", table=found, description=f"{wrong} of {len(found)} need a look")
    create_link_artifact(
        key="report", link=(run / "report.html").resolve().as_uri(), link_text=str(run / "report.html")
    )


def leave_live(outcome: Outcome) -> None:
    """Leave whether a run went live, in the place of which, or what forbids it."""
    line = outcome.in_words(lambda run: run.name).strip()
    faults = "".join(f"\n- {fault}" for fault in outcome.faults)
    create_markdown_artifact(f"{line}\n{faults}\n", key="live", description=line)


def leave_table(key: str, table: pl.DataFrame, description: str) -> None:
    """Leave a small table as an artifact."""
    create_table_artifact(key=key, table=_as_rows(table), description=description)


def checks(run: Path, records: Mapping[str, StageRecord]) -> list[dict[str, object]]:
    """Return what was checked in a run: `check, result, found`, with `passed`, `warning` or `not measured`."""
    rows: list[dict[str, object]] = []
    ledger = read_run_table(run / "tables", "ledger")
    lost = ledger.filter(pl.col("rows_in") != pl.col("accepted") + pl.col("quarantined")).height
    found = f"{ledger['rows_in'].sum():,} rows in, {ledger['quarantined'].sum():,} quarantined"
    rows.append(
        {"check": "the ledger adds up", "result": "passed" if not lost else "warning", "found": found},
    )
    for name, record in records.items():
        rows += [{"check": name, "result": "warning", "found": one} for one in record.warnings]
        rows += [
            {"check": f"{name}: {skip.step}", "result": "not measured", "found": skip.reason} for skip in record.skips
        ]
        if not record.warnings and not record.skips:
            rows.append({"check": name, "result": "passed", "found": record.sentence})
    return rows


def _rows(tables: Path, name: str, columns: Sequence[str]) -> list[dict[str, object]]:
    """Return some columns of a table of the run: of tables with groups, the rows of all people alone."""
    if not (tables / f"{name}.parquet").is_file():
        return []
    table = read_run_table(tables, name)
    if "group" in table.columns:
        table = table.filter(pl.col("group") == ALL)
    return _as_rows(table.select(columns))


def _as_rows(table: pl.DataFrame) -> list[dict[str, object]]:
    """Return rows that JSON can hold: days as text, figures with six decimals."""
    return table.with_columns(
        pl.selectors.temporal().cast(pl.String),
        pl.selectors.categorical().cast(pl.String),
        pl.selectors.float().round(6),
    ).to_dicts()
