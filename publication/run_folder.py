"""The run folder that a user opens: it shows the latest publication, and the scores of that one alone."""

import json
from pathlib import Path
from typing import Any

from pipeline import disk
from pipeline.stage import StageRecord
from pipeline.store import publish_folder
from pipeline.study import digest_of_file
from publication.row_selection import REVISIONS

TABLES, MANIFEST, REPORT, SCORES = "tables", "manifest.json", "report.html", "evaluation"


def show_publication(published: StageRecord, run: Path) -> None:
    """Make `tables/`, the manifest and the report of a run folder those of a publication, the manifest last.

    What the folder shows intact is left alone, a report with scores or revisions too. Those of an earlier publication
    are removed: they would describe other tables.
    """
    if _is_shown(published, run):
        return
    disk.remove_now(run / MANIFEST)  # until the end, so that a killed run is not taken for a complete one
    publish_folder(
        {
            str(Path(name).relative_to(TABLES)): published.folder / name
            for name in published.outputs
            if Path(name).parts[0] == TABLES
        },
        run / TABLES,
    )
    for name in (SCORES, REVISIONS):
        disk.remove_now(run / name)
    if REPORT not in published.outputs:
        disk.remove_now(run / REPORT)
    for name in (one for one in (REPORT, MANIFEST) if one in published.outputs):
        disk.copy_file(published.folder / name, run / name)


def _is_shown(published: StageRecord, run: Path) -> bool:
    # with scores the report has the truth too, and with revisions a triangle
    redrawn = (run / SCORES).is_dir() or (run / REVISIONS).is_dir()
    has_report = REPORT in published.outputs
    shown = [MANIFEST, REPORT] if has_report and not redrawn else [MANIFEST]
    return (
        all((run / name).is_file() and digest_of_file(run / name) == published.outputs[name] for name in shown)
        and (run / REPORT).is_file() == has_report
        and all(
            _is_same(run / name, published.folder / name, sha)
            for name, sha in published.outputs.items()
            if Path(name).parts[0] == TABLES
        )
    )


def _is_same(path: Path, stored: Path, sha256: str) -> bool:
    """Return whether a file is that of the store: a link to it, which the store has checked, or an equal copy."""
    return path.is_file() and (path.samefile(stored) or digest_of_file(path) == sha256)


def read_manifest(run: Path) -> dict[str, Any] | None:
    """Return the manifest of a run folder, or None where no run has finished or its manifest is damaged."""
    try:
        manifest = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    complete = isinstance(manifest, dict) and {"study", "stages", "outputs", "spine"} <= set(manifest)
    return manifest if complete else None
